/*
title = "Events of an identity, address or access key around a time, and other events from the same addresses"
about = "`--finding ID --report FILE` sets entity, begin and end."
[params]
entity  = { help = "identity ARN, IP address or access key id" }
begin   = { help = "start time, such as 2024-02-29T12:00:00Z" }
end     = { help = "end time" }
minutes = { default = 60, help = "minutes to add before and after" }
rows    = { default = 1000, help = "maximum number of rows" }
*/
WITH own AS (
  SELECT DISTINCT source_ip_address
  FROM calls
  WHERE (actor = $entity OR source_ip_address = $entity OR access_key_id = $entity)
    AND NOT by_service AND agent IS NULL
    AND event_time BETWEEN CAST($begin AS TIMESTAMP) - CAST($minutes || ' minutes' AS INTERVAL)
      AND CAST($end AS TIMESTAMP) + CAST($minutes || ' minutes' AS INTERVAL)
)
SELECT
  event_time,
  actor,
  account_id,
  aws_region,
  event_source,
  api,
  error_code,
  source_ip_address,
  actor = $entity OR source_ip_address = $entity OR coalesce(access_key_id = $entity, FALSE) AS its_own,
  left(request_parameters, 200) AS request,
  event_id
FROM calls
WHERE (actor = $entity OR source_ip_address = $entity OR access_key_id = $entity
    OR (NOT by_service AND source_ip_address IN (SELECT source_ip_address FROM own)))
  AND event_time BETWEEN CAST($begin AS TIMESTAMP) - CAST($minutes || ' minutes' AS INTERVAL)
    AND CAST($end AS TIMESTAMP) + CAST($minutes || ' minutes' AS INTERVAL)
ORDER BY event_time, event_id
LIMIT $rows
