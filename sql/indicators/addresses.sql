-- Every address that calls came from. Services and calls without an identity have addresses too, which daily_address
-- leaves out.
SELECT DISTINCT source_ip_address AS value
FROM events
WHERE event_time >= $from AND event_time < $to
  AND source_ip_address IS NOT NULL
