/*
title = "Sensitive calls: changes of permissions, credentials, sharing or logging"
*/
SELECT *
FROM (
  SELECT
    event_time AS time,
    category,
    api,
    target,
    outside AS shared_with,
    error_code AS error,
    source_ip_address AS address
  FROM sensitive_calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND event_time >= $from AND event_time < $to
  ORDER BY weight DESC, event_time DESC, event_id
  LIMIT 15
) AS shown
ORDER BY time, api
