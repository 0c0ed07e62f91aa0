/*
title = "Most recent days"
*/
SELECT *
FROM (
  SELECT
    event_date AS day,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    count(*) FILTER (WHERE read_only IS FALSE) AS changes,
    count(DISTINCT api) AS apis,
    count(DISTINCT source_ip_address) AS addresses
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND event_time >= $from AND event_time < $to
  GROUP BY event_date
  ORDER BY event_date DESC
  LIMIT 14
) AS shown
ORDER BY day
