/*
title = "Activity"
*/
SELECT
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(DISTINCT event_date) AS active_days,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE read_only IS FALSE) AS changes,
  count(DISTINCT account_id) AS accounts,
  count(DISTINCT aws_region) AS regions,
  count(DISTINCT source_ip_address) AS addresses,
  count(DISTINCT access_key_id) AS keys
FROM calls
WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
  AND event_time >= $from AND event_time < $to
HAVING count(*) > 0
