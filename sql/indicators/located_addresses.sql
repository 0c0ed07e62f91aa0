-- As addresses.sql, with the number of the network.
WITH addresses AS (
  SELECT DISTINCT source_ip_address AS value
  FROM events
  WHERE event_time >= $from AND event_time < $to
    AND source_ip_address IS NOT NULL
)
SELECT value, ip_asn(value) AS as_number
FROM addresses
