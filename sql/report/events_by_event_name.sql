-- Events by API: the 200 most frequent.
SELECT
  event_source,
  event_name,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failed,
  count(DISTINCT actor) AS actors
FROM unique_events
WHERE event_time >= $from AND event_time < $to
GROUP BY event_source, event_name
ORDER BY events DESC, event_source, event_name
LIMIT 200
