-- Addresses of the riskiest identities, from 60 days before the window to its end; those first used in the window come
-- first. One row per identity and address, at most 40 per identity.
WITH used AS MATERIALIZED (
  SELECT
    actor,
    source_ip_address,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(DISTINCT event_date) AS days,
    CAST(sum(calls) AS BIGINT) AS calls,
    CAST(sum(failures) AS BIGINT) AS failed,
    bool_or(with_mfa) AS with_mfa
  FROM daily_address
  WHERE array_has($riskiest, actor) AND source_ip_address IS NOT NULL
    AND event_date >= CAST($from AS DATE) - INTERVAL '60 days' AND event_date < CAST($to AS DATE)
  GROUP BY actor, source_ip_address
),
ranked AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY actor ORDER BY first_time >= $from DESC, calls DESC, source_ip_address) AS place,
    count(*) OVER (PARTITION BY actor) AS addresses
  FROM used
)
SELECT
  actor,
  source_ip_address AS address,
  ip_country(source_ip_address) AS country,
  ip_asn(source_ip_address) AS asn,
  ip_organisation(source_ip_address) AS organisation,
  first_time, last_time, days, calls, failed, with_mfa,
  first_time >= $from AS first_in_window,
  addresses
FROM ranked
WHERE place <= 40
ORDER BY actor, place
