-- One row per identity, resource it touched and day.
SELECT
  event_date,
  account_id,
  actor,
  kind,
  target,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures
FROM targeted_calls
GROUP BY event_date, account_id, actor, kind, target
