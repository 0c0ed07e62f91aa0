SELECT
  ip_asn(source_ip_address) AS asn,
  max(ip_organisation(source_ip_address)) AS organisation,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failed,
  count(DISTINCT source_ip_address) AS source_ips
FROM events
WHERE event_time >= $from AND event_time < $to
  AND ip_asn(source_ip_address) IS NOT NULL
GROUP BY ip_asn(source_ip_address)
ORDER BY events DESC, asn
LIMIT 100
