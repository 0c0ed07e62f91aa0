-- One row an identity, long-term key, kind of client and day: with what identities call. Keys of sessions come and go, so
-- they are left out.
SELECT
  event_date,
  account_id,
  actor,
  CASE WHEN access_key_id LIKE 'AKIA%' THEN access_key_id END AS access_key_id,
  client,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE read_only IS FALSE AND management_event IS NOT FALSE) AS changes
FROM calls
WHERE NOT by_service
GROUP BY event_date, account_id, actor, CASE WHEN access_key_id LIKE 'AKIA%' THEN access_key_id END, client
