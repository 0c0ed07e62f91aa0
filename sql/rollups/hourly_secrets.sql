-- One row per identity and hour in which it requested secrets: how many different ones, and how many of them it
-- replaced.
SELECT
  event_date,
  date_trunc('hour', event_time) AS hour,
  account_id,
  actor,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(DISTINCT event_id) FILTER (WHERE NOT writes) AS calls,
  count(DISTINCT event_id) FILTER (WHERE failed AND NOT writes) AS failures,
  count(DISTINCT secret) FILTER (WHERE NOT writes) AS secrets,
  count(DISTINCT secret) FILTER (WHERE writes AND NOT failed) AS secrets_written
FROM secret_calls
GROUP BY event_date, date_trunc('hour', event_time), account_id, actor
HAVING count(DISTINCT secret) FILTER (WHERE NOT writes) > 0
