/*
title = "Calls that change who may do what"
*/
SELECT
  event_time AS time,
  category,
  api,
  left(target, 60) AS target,
  outside AS let_in,
  error_code AS error,
  source_ip_address AS address
FROM sensitive_calls
WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
  AND event_time >= $from AND event_time < $to
ORDER BY weight DESC, event_time DESC, event_id
LIMIT 15
