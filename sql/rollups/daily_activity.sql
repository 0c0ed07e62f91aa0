-- One row per identity and day: how much it did and how much of that failed. Throttled calls do not count as
-- failures: they say nothing about what the caller may do.
SELECT
  event_date,
  account_id,
  actor,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(calls) AS calls,
  sum(failures) AS failures,
  sum(changes) AS changes
FROM hourly_activity
GROUP BY event_date, account_id, actor
