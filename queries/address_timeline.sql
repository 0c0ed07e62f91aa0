/*
title = "Everything that came from an address, in order of time"
[params]
ip   = { help = "IPv4 or IPv6 address, or the name of a service" }
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
WHERE source_ip_address = $ip
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
