-- Calls from services carry a host's name instead of an address and stand for no place.
SELECT
  ip_country(source_ip_address) AS country,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failed,
  count(DISTINCT source_ip_address) AS source_ips
FROM events
WHERE event_time >= $from AND event_time < $to
  AND ip_country(source_ip_address) IS NOT NULL
GROUP BY ip_country(source_ip_address)
ORDER BY events DESC, country
LIMIT 250
