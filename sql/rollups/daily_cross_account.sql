-- One row per identity that calls in an account other than its own, account and day.
SELECT
  event_date,
  from_account,
  into_account,
  account_id,
  actor,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE is_change) AS changes
FROM cross_account_calls
GROUP BY event_date, from_account, into_account, account_id, actor
