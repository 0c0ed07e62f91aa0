/*
title = "Data and rights that were given to other accounts or to everyone"
[params]
rows = { default = 500, help = "rows at most" }
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
