SELECT
  event_date AS day,
  CAST(date_part('hour', event_time) AS BIGINT) AS hour,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failed
FROM events
WHERE event_time >= $from AND event_time < $to
GROUP BY event_date, date_part('hour', event_time)
ORDER BY day, hour
LIMIT 20000
