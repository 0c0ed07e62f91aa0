/*
title = "Identities and access keys"
*/
SELECT
  actor,
  user_identity_type AS type,
  CASE WHEN access_key_id LIKE 'AKIA%' OR access_key_id = $entity THEN access_key_id ELSE 'session' END AS key,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls
FROM calls
WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
  AND event_time >= $from AND event_time < $to
GROUP BY actor, user_identity_type,
  CASE WHEN access_key_id LIKE 'AKIA%' OR access_key_id = $entity THEN access_key_id ELSE 'session' END
ORDER BY calls DESC, actor
LIMIT 10
