/*
title      = "Calls from two places nobody can travel between"
severity   = "high"
confidence = "medium"
attack     = ["T1078.004", "T1550.001"]
why        = "One set of credentials in two places at once is in two hands."
benign     = ["A VPN or a mobile provider that comes out in another country", "An address the table places wrongly"]
respond    = ["Ask the owner which of the two places was theirs", "Revoke the sessions and rotate the key"]
[params]
speed_kmh   = { default = 1000.0, min = 450.0, help = "faster than this is impossible; an airliner flies at 900" }
colleagues  = { default = 3, min = 1, help = "a network that so many other identities used before is one to reckon with" }
crowd       = { default = 8, min = 2, help = "an address from which so many people call on the same day is a way out they share" }
distance_km = { default = 500.0, min = 50.0, help = "moves shorter than this are left to the error of the table" }
*/
WITH placed AS MATERIALIZED (
  SELECT actor, holder, event_date, last_time, source_ip_address, ip_country(source_ip_address) AS country
  FROM daily_address
  WHERE holder IS NOT NULL AND ip_country(source_ip_address) IS NOT NULL
    AND event_date >= CAST($from AS DATE) - INTERVAL '2 days' AND first_time < $to
),
-- Days near which somebody was in two countries: at the slowest speed that may be asked for the longest way takes two.
travels AS (
  SELECT DISTINCT a.actor, a.holder, a.event_date
  FROM placed AS a
  JOIN placed AS b ON b.holder = a.holder AND b.country <> a.country
   AND b.event_date BETWEEN a.event_date - INTERVAL '2 days' AND a.event_date + INTERVAL '2 days'
  WHERE a.last_time >= $from
),
located AS MATERIALIZED (
  SELECT c.event_id, c.event_time, c.event_date, c.account_id, c.actor, c.holder, c.source_ip_address, c.client
  FROM travels AS t
  JOIN calls AS c ON c.actor = t.actor AND c.holder = t.holder AND c.event_date = t.event_date
  WHERE NOT c.by_service
    AND c.event_time >= $from AND c.event_time < $to
    AND ip_country(c.source_ip_address) IS NOT NULL
),
-- The window's calls, and where each holder was last before it. Whoever was silent for two days may be anywhere.
steps AS (
  SELECT event_time, event_date, actor, account_id, source_ip_address, holder, TRUE AS judged
  FROM located
  UNION ALL
  SELECT last_time, event_date, NULL, NULL, source_ip_address, holder, FALSE
  FROM placed
  WHERE last_time < $from AND last_time >= $from - INTERVAL '2 days' AND holder IN (SELECT holder FROM located)
),
moved AS (
  SELECT *, geo_change(source_ip_address, event_time) OVER (PARTITION BY holder ORDER BY event_time, source_ip_address) AS move
  FROM steps
),
jumps AS MATERIALIZED (
  SELECT
    *,
    move['previous_ip'] AS previous_ip,
    move['previous_time'] AS previous_time,
    move['previous_country'] AS previous_country,
    move['country'] AS country,
    move['distance_km'] AS distance_km,
    move['speed_kmh'] AS speed_kmh,
    least(move['previous_asn'], move['asn']) AS asn_a,
    greatest(move['previous_asn'], move['asn']) AS asn_b
  FROM moved
  WHERE judged AND move['speed_kmh'] >= $speed_kmh
    AND move['distance_km'] >= $distance_km
    AND move['country_changed']
),
-- All the networks of whoever jumped.
seen AS MATERIALIZED (
  SELECT j.holder, d.event_date, ip_asn(d.source_ip_address) AS asn, min(d.first_time) AS first_time
  FROM (SELECT DISTINCT holder FROM jumps) AS j
  JOIN daily_address AS d ON d.holder = j.holder
  WHERE ip_country(d.source_ip_address) IS NOT NULL AND d.first_time < $to
  GROUP BY j.holder, d.event_date, ip_asn(d.source_ip_address)
),
-- Since when a holder comes from a network.
networks AS (
  SELECT holder, asn, min(first_time) AS since
  FROM seen
  GROUP BY holder, asn
),
-- Somebody whose VPN comes out elsewhere jumps between the same two networks day after day: only the first day is news.
pairs AS (
  SELECT a.holder, a.asn AS asn_a, b.asn AS asn_b, min(a.event_date) AS first_date
  FROM seen AS a
  JOIN seen AS b ON b.holder = a.holder AND b.event_date = a.event_date AND b.asn > a.asn
  GROUP BY a.holder, a.asn, b.asn
),
first_jumps AS (
  SELECT j.*, n.since AS network_since, b.since AS previous_network_since
  FROM jumps AS j
  LEFT JOIN pairs AS p ON p.holder = j.holder AND p.asn_a = j.asn_a AND p.asn_b = j.asn_b
  LEFT JOIN networks AS n ON n.holder = j.holder AND n.asn = j.move['asn']
  LEFT JOIN networks AS b ON b.holder = j.holder AND b.asn = j.move['previous_asn']
  WHERE p.first_date IS NULL OR p.first_date >= j.event_date
),
days AS MATERIALIZED (
  SELECT
    actor, account_id, holder, event_date,
    min(previous_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS jumps,
    max(speed_kmh) AS speed_kmh,
    max(distance_km) AS distance_km,
    first_value(previous_ip ORDER BY event_time, source_ip_address) AS ip_before,
    first_value(previous_country ORDER BY event_time, source_ip_address) AS country_before,
    first_value(source_ip_address ORDER BY event_time, source_ip_address) AS ip_after,
    first_value(country ORDER BY event_time, source_ip_address) AS country_after,
    -- The owner may be the one who calls second: the network that came later into the holder's life is the foreign one.
    first_value(CASE WHEN previous_network_since > network_since THEN previous_ip ELSE source_ip_address END ORDER BY event_time, source_ip_address) AS ip_foreign
  FROM first_jumps
  GROUP BY actor, account_id, holder, event_date
),
-- How many identities had come from the foreign network before: the office's way out belongs to nobody else's hands.
colleagues AS (
  SELECT j.ip_foreign, j.event_date, count(*) AS users_before
  FROM (SELECT DISTINCT ip_foreign, ip_asn(ip_foreign) AS asn, event_date FROM days) AS j
  JOIN (SELECT CAST(item AS BIGINT) AS asn, event_date AS since FROM novelties WHERE kind = 'asn') AS u
    ON u.asn = j.asn AND u.since < j.event_date
  GROUP BY j.ip_foreign, j.event_date
),
-- Who else calls from the foreign address that day: an office that got another way out moves as one.
together AS (
  SELECT d.ip_foreign, d.event_date, count(DISTINCT regexp_replace(a.holder, '^.*/', '')) AS identities
  FROM (SELECT DISTINCT ip_foreign, event_date FROM days) AS d
  JOIN daily_address AS a ON a.source_ip_address = d.ip_foreign AND a.event_date = d.event_date
  GROUP BY d.ip_foreign, d.event_date
),
-- What the holder calls with elsewhere that day: a VPN moves the network and leaves the client.
own_clients AS (
  SELECT d.holder, d.event_date, array_agg(DISTINCT c.client) AS clients
  FROM days AS d
  JOIN located AS c ON c.holder = d.holder AND c.event_date = d.event_date AND c.source_ip_address <> d.ip_foreign
  GROUP BY d.holder, d.event_date
),
found AS (
  SELECT
    d.*,
    coalesce(u.users_before, 0) AS users_before,
    coalesce(t.identities, 0) AS identities_there,
    coalesce(NOT bool_or(array_has(o.clients, c.client)), FALSE) AS other_clients,
    array_agg(DISTINCT c.client ORDER BY c.client) AS clients,
    evidence(c.event_id, c.event_time) AS evidence,
    count(*) AS events
  FROM (SELECT first_time, last_time, actor, account_id, holder, event_date, jumps, speed_kmh, distance_km, ip_before, country_before, ip_after,
    country_after, ip_foreign FROM days) AS d
  JOIN located AS c ON c.holder = d.holder AND c.event_date BETWEEN CAST(d.first_time AS DATE) AND d.event_date
    AND c.source_ip_address = d.ip_foreign
  LEFT JOIN colleagues AS u ON u.ip_foreign = d.ip_foreign AND u.event_date = d.event_date
  LEFT JOIN together AS t ON t.ip_foreign = d.ip_foreign AND t.event_date = d.event_date
  LEFT JOIN own_clients AS o ON o.holder = d.holder AND o.event_date = d.event_date
  GROUP BY d.first_time, d.last_time, d.actor, d.account_id, d.holder, d.event_date, d.jumps, d.speed_kmh, d.distance_km, d.ip_before,
    d.country_before, d.ip_after, d.country_after, d.ip_foreign, u.users_before, t.identities
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-d.speed_kmh / (2.0 * $speed_kmh)) AS score,
  CASE WHEN d.identities_there >= $crowd THEN 'low'
       WHEN d.users_before < $colleagues THEN 'high'
       WHEN d.other_clients THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN d.users_before >= $colleagues AND d.identities_there < $crowd THEN 'medium' END AS joined_severity,
  d.actor || ' was in ' || d.country_before || ' (' || d.ip_before || ') and in ' || d.country_after || ' (' || d.ip_after
    || '), ' || CAST(round(d.distance_km) AS BIGINT) || ' km apart at '
    || CASE WHEN d.speed_kmh > 100000 THEN 'the same time' ELSE CAST(round(d.speed_kmh) AS BIGINT) || ' km/h' END
    || '; ' || d.users_before || ' identities came from the foreign network before'
    || CASE WHEN d.other_clients THEN '; there with ' || array_to_string(d.clients, ', ') || ', which it uses nowhere else that day' ELSE '' END AS summary,
  d.evidence,
  d.events,
  d.holder,
  d.jumps,
  d.speed_kmh,
  d.distance_km,
  d.ip_before AS baseline_ip,
  d.country_before AS baseline_country,
  d.users_before AS baseline_identities_in_foreign_network,
  d.identities_there AS identities_at_the_address,
  d.clients,
  d.ip_after,
  d.country_after,
  d.ip_foreign
FROM found AS d
