/*
title = "Denied calls"
*/
SELECT *
FROM (
  SELECT
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    api,
    event_source AS service,
    count(*) AS denied
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND error_family = 'denied'
    AND event_time >= $from AND event_time < $to
  GROUP BY api, event_source
  ORDER BY denied DESC, api
  LIMIT 10
) AS shown
ORDER BY first_time, api
