/*
title = "Everything a role session did, in order of time"
[params]
session = { help = "role session name, the last part of an assumed-role ARN" }
rows    = { default = 1000, help = "rows at most" }
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
  actor,
  left(request_parameters, 200) AS request,
  event_id
FROM calls
WHERE session_name = $session
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
