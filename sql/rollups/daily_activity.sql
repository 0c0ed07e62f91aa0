-- One row an identity and day: how much it did and how much of that failed. A service that asks for less speed says nothing
-- about who asks: not among the failures.
SELECT
  event_date,
  account_id,
  actor,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed AND error_family IS DISTINCT FROM 'throttled') AS failures,
  count(*) FILTER (WHERE read_only IS FALSE AND management_event IS NOT FALSE) AS changes
FROM calls
WHERE NOT by_service
GROUP BY event_date, account_id, actor
