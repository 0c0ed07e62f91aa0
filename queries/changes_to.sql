/*
title = "Every change to a resource, by whoever asked for it"
[params]
resource = { help = "name, id or ARN of the resource, or a part of it" }
rows     = { default = 1000, help = "rows at most" }
*/
SELECT
  event_time,
  actor,
  account_id,
  aws_region,
  event_source,
  api,
  error_code,
  source_ip_address,
  left(request_parameters, 300) AS request,
  event_id
FROM calls
WHERE read_only IS NOT TRUE
  AND (strpos(request_parameters, $resource) > 0 OR strpos(resources, $resource) > 0 OR strpos(response_elements, $resource) > 0)
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
