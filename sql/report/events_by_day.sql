-- Events by day.
SELECT
  event_date AS day,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failed,
  count(DISTINCT actor) AS actors,
  count(DISTINCT source_ip_address) AS source_ips
FROM unique_events
WHERE event_time >= $from AND event_time < $to
GROUP BY event_date
ORDER BY event_date
