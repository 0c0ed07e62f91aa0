-- Calls by service and kind of error; `none` for calls that succeeded.
SELECT
  event_source,
  coalesce(error_family(error_code, error_message), 'none') AS error_family,
  count(*) AS calls,
  CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY event_source) AS share,
  count(DISTINCT actor) AS actors
FROM unique_events
WHERE event_time >= $from AND event_time < $to
GROUP BY event_source, coalesce(error_family(error_code, error_message), 'none')
ORDER BY event_source, calls DESC, error_family
LIMIT 500
