/*
title = "Everything an identity did, in order of time"
[params]
actor = { help = "the identity as the column actor has it: the ARN of a user or role, or of the person behind a session" }
rows  = { default = 1000, help = "rows at most" }
*/
SELECT
  event_time,
  account_id,
  aws_region,
  event_source,
  api,
  error_code,
  source_ip_address,
  ip_country(source_ip_address) AS country,
  user_agent_family(user_agent) AS client,
  session_name,
  left(request_parameters, 200) AS request,
  event_id
FROM calls
WHERE actor = $actor
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
