-- Events by hour.
SELECT
  event_date AS day,
  CAST(date_part('hour', u.hour) AS BIGINT) AS hour,
  CAST(sum(calls) AS BIGINT) AS events,
  CAST(coalesce(sum(calls) FILTER (WHERE error_code IS NOT NULL), 0) AS BIGINT) AS failed
FROM hourly_api_use AS u
WHERE event_date >= CAST($from AS DATE) AND event_date <= CAST($to AS DATE)
  AND u.hour >= $from AND u.hour < $to
GROUP BY event_date, u.hour
ORDER BY day, hour
LIMIT 20000
