-- Calls from services carry a host's name instead of an address and stand for no place.
-- Addresses are placed once each.
WITH addresses AS MATERIALIZED (
  SELECT source_ip_address, count(*) AS events, count(*) FILTER (WHERE error_code IS NOT NULL) AS failed
  FROM events
  WHERE event_time >= $from AND event_time < $to
  GROUP BY source_ip_address
)
SELECT
  ip_country(source_ip_address) AS country,
  CAST(sum(events) AS BIGINT) AS events,
  CAST(sum(failed) AS BIGINT) AS failed,
  count(*) AS source_ips
FROM addresses
WHERE ip_country(source_ip_address) IS NOT NULL
GROUP BY ip_country(source_ip_address)
ORDER BY events DESC, country
LIMIT 250
