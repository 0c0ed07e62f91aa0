/*
title = "Everything an access key did, in order of time"
[params]
key  = { help = "access key id, such as AKIA... or ASIA..." }
rows = { default = 1000, help = "rows at most" }
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
WHERE access_key_id = $key
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
