-- Events by source address: the 100 most frequent.
SELECT
  source_ip_address,
  ip_country(source_ip_address) AS country,
  ip_asn(source_ip_address) AS asn,
  ip_organisation(source_ip_address) AS organisation,
  events,
  failed,
  first_event,
  last_event
FROM (
  SELECT source_ip_address, count(*) AS events, count(*) FILTER (WHERE error_code IS NOT NULL) AS failed,
    min(event_time) AS first_event, max(event_time) AS last_event
  FROM unique_events
  WHERE event_time >= $from AND event_time < $to
  GROUP BY source_ip_address
)
ORDER BY events DESC, source_ip_address
LIMIT 100
