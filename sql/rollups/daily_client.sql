-- One row per identity, long-term key, kind of client and day. Keys of sessions come and go, so they are left out.
WITH named AS (
  SELECT
    event_date, event_time, account_id, actor, client, failed, is_change,
    CASE WHEN access_key_id LIKE 'AKIA%' THEN access_key_id END AS long_term_key
  FROM identified_calls
  WHERE NOT by_service
)
SELECT
  event_date,
  account_id,
  actor,
  long_term_key AS access_key_id,
  client,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE is_change) AS changes
FROM named
GROUP BY event_date, account_id, actor, long_term_key, client
