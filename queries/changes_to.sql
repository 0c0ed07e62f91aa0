/*
title = "All changes to a resource"
[params]
resource = { help = "name, id or ARN of the resource, or part of it" }
rows     = { default = 1000, help = "maximum number of rows" }
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
  AND (
    strpos(request_parameters, $resource) > 0
    OR strpos(resources, $resource) > 0
    OR strpos(response_elements, $resource) > 0
  )
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
