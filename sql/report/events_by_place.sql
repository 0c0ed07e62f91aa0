-- Events by the place of the caller's address: the centroid of its region, for a map. Calls made by services and by
-- agents have no place. From the daily summaries, so whole days count. `$suspects` are addresses of
-- findings of at least medium severity.
WITH addresses AS MATERIALIZED (
  SELECT
    source_ip_address,
    CAST(sum(calls) AS BIGINT) AS events,
    CAST(sum(failures) AS BIGINT) AS failed
  FROM daily_address
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE) AND source_ip_address IS NOT NULL
  GROUP BY source_ip_address
),
placed AS (
  SELECT
    ip_country(source_ip_address) AS country,
    ip_latitude(source_ip_address) AS latitude,
    ip_longitude(source_ip_address) AS longitude,
    events, failed, source_ip_address
  FROM addresses
)
SELECT
  country, latitude, longitude,
  CAST(sum(events) AS BIGINT) AS events,
  CAST(sum(failed) AS BIGINT) AS failed,
  count(*) AS source_ips,
  array_agg(source_ip_address ORDER BY events DESC, source_ip_address)
    FILTER (WHERE array_has($suspects, source_ip_address)) AS finding_addresses
FROM placed
WHERE country IS NOT NULL AND latitude IS NOT NULL
GROUP BY country, latitude, longitude
ORDER BY events DESC, country, latitude, longitude
LIMIT 300
