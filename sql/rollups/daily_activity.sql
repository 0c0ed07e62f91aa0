-- One row per identity and day: how much it did and how much of that failed. Throttled calls do not count as
-- failures: they say nothing about what the caller may do.
SELECT
  event_date,
  account_id,
  actor,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed AND error_family IS DISTINCT FROM 'throttled') AS failures,
  count(*) FILTER (WHERE is_change) AS changes
FROM identified_calls
WHERE NOT by_service
GROUP BY event_date, account_id, actor
