-- Events by identity: the 100 busiest.
SELECT
  actor,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failed,
  min(event_time) AS first_event,
  max(event_time) AS last_event
FROM unique_events
WHERE event_time >= $from AND event_time < $to
GROUP BY actor
ORDER BY events DESC, actor
LIMIT 100
