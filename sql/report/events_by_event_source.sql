-- Events by service.
SELECT
  event_source,
  CAST(sum(calls) AS BIGINT) AS events,
  CAST(coalesce(sum(calls) FILTER (WHERE error_code IS NOT NULL), 0) AS BIGINT) AS failed,
  min(first_time) AS first_event,
  max(last_time) AS last_event
FROM hourly_api_use
WHERE event_date >= CAST($from AS DATE) AND event_date <= CAST($to AS DATE)
  AND hour >= $from AND hour < $to
GROUP BY event_source
ORDER BY events DESC, event_source
LIMIT 100
