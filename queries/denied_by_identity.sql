-- Who was denied what, most of it first: a role that lacks a permission, or somebody trying doors.
SELECT
  actor,
  event_source,
  api,
  count(*) AS denied,
  min(event_time) AS first_time,
  max(event_time) AS last_time
FROM calls
WHERE error_family = 'denied'
GROUP BY actor, event_source, api
ORDER BY denied DESC
LIMIT 100
