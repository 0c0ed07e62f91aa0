-- Events by network operator. Each address is looked up once, because a lookup per event is slow.
WITH addresses AS MATERIALIZED (
  SELECT source_ip_address, count(*) AS events, count(*) FILTER (WHERE error_code IS NOT NULL) AS failed
  FROM unique_events
  WHERE event_time >= $from AND event_time < $to
  GROUP BY source_ip_address
)
SELECT
  ip_asn(source_ip_address) AS asn,
  max(ip_organisation(source_ip_address)) AS organisation,
  CAST(sum(events) AS BIGINT) AS events,
  CAST(sum(failed) AS BIGINT) AS failed,
  count(*) AS source_ips
FROM addresses
WHERE ip_asn(source_ip_address) IS NOT NULL
GROUP BY ip_asn(source_ip_address)
ORDER BY events DESC, asn
LIMIT 100
