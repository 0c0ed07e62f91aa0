/*
title = "Data and permissions shared with other accounts or made public"
[params]
rows = { default = 500, help = "maximum number of rows" }
*/
SELECT
  event_time,
  actor,
  account_id,
  aws_region,
  category,
  api,
  target,
  outside,
  error_code,
  source_ip_address,
  event_id
FROM sensitive_calls
WHERE (outside IS NOT NULL OR category IN ('opened to everyone', 'network opened to everyone'))
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
