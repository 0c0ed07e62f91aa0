/*
title = "Most recent changes"
*/
SELECT *
FROM (
  SELECT
    event_time AS time,
    api,
    event_source AS service,
    aws_region AS region,
    error_code AS error,
    request_parameters AS request,
    source_ip_address AS address
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND read_only IS FALSE
    AND event_time >= $from AND event_time < $to
  ORDER BY event_time DESC, event_id
  LIMIT 15
) AS shown
ORDER BY time, api
