/*
title      = "Calls from two places too far apart to travel between"
severity   = "high"
confidence = "medium"
attack     = ["T1078.004", "T1550.001"]
why        = "If the same credentials are used in two places at once, they were probably stolen."
benign     = [
  "A VPN or a mobile provider whose traffic leaves in another country",
  "An address that is located wrongly",
]
respond    = [
  "Ask the owner which of the two places was theirs",
  "IAM administrator: revoke the sessions and rotate the key",
]
[params]
speed_kmh   = { default = 1000.0, min = 450.0, help = """\
  speed in km/h above which a journey is impossible; an airliner flies at 900""" }
colleagues  = { default = 3, min = 1, help = """\
  a network that this many other identities used before is a usual one""" }
crowd       = { default = 8, min = 2, help = """\
  an address from which this many people call on one day is a shared exit, such as an office or a VPN""" }
distance_km = { default = 500.0, min = 50.0, help = """\
  shortest move that counts, in km: shorter ones are within the error of locations""" }
*/
-- Without a person's own shell in AWS and addresses of the organisation's workloads.
WITH placed AS MATERIALIZED (
  SELECT
    d.actor, d.holder, d.event_date, d.first_time, d.last_time, d.source_ip_address,
    ip_country(d.source_ip_address) AS country,
    ip_latitude(d.source_ip_address) AS latitude,
    ip_longitude(d.source_ip_address) AS longitude
  FROM daily_address AS d
  LEFT ANTI JOIN places_in_aws($from, $to) AS s ON s.actor = d.actor AND s.event_date = d.event_date
    AND s.source_ip_address = d.source_ip_address
  WHERE d.holder IS NOT NULL AND ip_country(d.source_ip_address) IS NOT NULL
    AND d.event_date >= CAST($from AS DATE) - INTERVAL '2 days' AND d.first_time < $to
),
-- Pairs of places between which a holder may have moved too fast. The first and the last call of a day at each place
-- give the shortest time between them. Two days are enough: at the lowest speed that may be set, half the Earth's
-- circumference takes 45 hours.
moves AS MATERIALIZED (
  SELECT DISTINCT
    a.holder, least(a.event_date, b.event_date) AS first_day, greatest(a.event_date, b.event_date) AS last_day
  FROM placed AS a
  JOIN placed AS b ON b.holder = a.holder AND b.country <> a.country
    AND b.event_date BETWEEN a.event_date - INTERVAL '2 days' AND a.event_date + INTERVAL '2 days'
  WHERE a.last_time >= $from
    AND great_circle_km(a.latitude, a.longitude, b.latitude, b.longitude) >= greatest($distance_km, $speed_kmh
      * (to_unixtime(greatest(a.first_time, b.first_time)) - to_unixtime(least(a.last_time, b.last_time)) - 1) / 3600.0)
),
-- The places of these days and of the days between, so that no call between two others is missing.
travels AS (
  SELECT DISTINCT p.actor, p.event_date, p.source_ip_address
  FROM moves AS m
  JOIN placed AS p ON p.holder = m.holder AND p.event_date BETWEEN m.first_day AND m.last_day
),
-- The calls from there, also before the window. They are not joined by holder, which would be computed for every event.
located AS MATERIALIZED (
  SELECT c.event_id, c.event_time, c.event_date, c.account_id, c.actor, c.holder, c.source_ip_address, c.client
  FROM travels AS t
  JOIN calls AS c ON c.actor = t.actor AND c.event_date = t.event_date AND c.source_ip_address = t.source_ip_address
  WHERE NOT c.by_service
    AND c.event_time >= $from - INTERVAL '2 days' AND c.event_time < $to
    -- Whoever fails to sign in is not the holder.
    AND NOT (c.event_source = 'signin.amazonaws.com' AND c.failed)
),
moved AS (
  SELECT
    *,
    geo_change(source_ip_address, event_time) OVER (
      PARTITION BY holder ORDER BY event_time, source_ip_address, event_id) AS move
  FROM located
  WHERE holder IN (SELECT holder FROM moves)
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
  WHERE event_time >= $from AND move['speed_kmh'] >= $speed_kmh
    AND move['distance_km'] >= $distance_km
    AND move['country_changed']
),
-- All networks of the holders with such a move.
seen AS MATERIALIZED (
  SELECT j.holder, d.event_date, ip_asn(d.source_ip_address) AS asn, min(d.first_time) AS first_time
  FROM (SELECT DISTINCT holder FROM jumps) AS j
  JOIN daily_address AS d ON d.holder = j.holder
  WHERE ip_country(d.source_ip_address) IS NOT NULL AND d.first_time < $to
  GROUP BY j.holder, d.event_date, ip_asn(d.source_ip_address)
),
-- Since when a holder uses a network.
networks AS (
  SELECT holder, asn, min(first_time) AS since
  FROM seen
  GROUP BY holder, asn
),
-- With a VPN, a holder moves between the same two networks day after day: a pair is usual if the holder moved between
-- them on two earlier days, or on one of the last seven. A single day longer ago is no habit.
pairs AS (
  SELECT j.holder, j.event_date, j.asn_a, j.asn_b
  FROM (SELECT DISTINCT holder, event_date, asn_a, asn_b FROM jumps) AS j
  JOIN seen AS a ON a.holder = j.holder AND a.asn = j.asn_a AND a.event_date < j.event_date
  JOIN seen AS b ON b.holder = a.holder AND b.event_date = a.event_date AND b.asn = j.asn_b
  GROUP BY j.holder, j.event_date, j.asn_a, j.asn_b
  HAVING count(DISTINCT a.event_date) >= 2 OR max(a.event_date) >= j.event_date - INTERVAL '7 days'
),
-- The owner may be the one who calls second: the network that the holder used first is the owner's, the other is
-- foreign.
first_jumps AS (
  SELECT
    j.*,
    CASE WHEN b.since > n.since THEN j.previous_ip ELSE j.source_ip_address END AS ip_foreign
  FROM jumps AS j
  LEFT ANTI JOIN pairs AS p ON p.holder = j.holder AND p.event_date = j.event_date AND p.asn_a = j.asn_a
    AND p.asn_b = j.asn_b
  LEFT JOIN networks AS n ON n.holder = j.holder AND n.asn = j.move['asn']
  LEFT JOIN networks AS b ON b.holder = j.holder AND b.asn = j.move['previous_asn']
),
-- Networks to which many people moved that day.
rollouts AS MATERIALIZED (
  SELECT asn, event_date, people FROM mass_moves($from, $to)
),
-- On a day with a move of many and another of the holder, only the other counts.
own_jumps AS (
  SELECT *, bool_and(is_rollout) OVER (PARTITION BY holder, event_date) AS all_rollout
  FROM (
    SELECT j.*, r.asn IS NOT NULL AS is_rollout
    FROM first_jumps AS j
    LEFT JOIN rollouts AS r ON r.asn = ip_asn(j.ip_foreign) AND r.event_date = j.event_date
  )
),
days AS MATERIALIZED (
  SELECT
    actor, account_id, holder, event_date,
    min(previous_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS jumps,
    max(speed_kmh) AS speed_kmh,
    first_value(distance_km ORDER BY event_time, source_ip_address) AS distance_km,
    first_value(CAST(ceil((to_unixtime(event_time) - to_unixtime(previous_time)) / 60.0) AS BIGINT)
      ORDER BY event_time, source_ip_address) AS minutes_between,
    first_value(previous_ip ORDER BY event_time, source_ip_address) AS ip_before,
    first_value(previous_country ORDER BY event_time, source_ip_address) AS country_before,
    first_value(source_ip_address ORDER BY event_time, source_ip_address) AS ip_after,
    first_value(country ORDER BY event_time, source_ip_address) AS country_after,
    first_value(ip_foreign ORDER BY event_time, source_ip_address) AS ip_foreign
  FROM own_jumps
  WHERE is_rollout = all_rollout
  GROUP BY actor, account_id, holder, event_date
),
-- Users who sign in are people; the keys of others belong to programs.
people AS (
  SELECT actor, min(event_date) AS since
  FROM daily_sign_in
  WHERE event_date < CAST($to AS DATE)
  GROUP BY actor
),
-- How many others used the foreign network before: if many did, it is the company's. A network in which people live
-- is no place for a program.
colleagues AS (
  SELECT
    j.ip_foreign, j.event_date, j.actor,
    count(*) AS users_before,
    count(*) FILTER (WHERE is_machine(u.actor) OR (u.actor LIKE '%:user/%' AND i.actor IS NULL)) AS programs_before
  FROM (SELECT DISTINCT ip_foreign, ip_asn(ip_foreign) AS asn, event_date, actor FROM days) AS j
  JOIN (SELECT CAST(item AS BIGINT) AS asn, event_date AS since, actor FROM novelties
        WHERE kind = 'asn' AND first_time < $to) AS u
    ON u.asn = j.asn AND u.since < j.event_date
    AND regexp_replace(u.actor, '^.*/', '') <> regexp_replace(j.actor, '^.*/', '')
  LEFT JOIN people AS i ON i.actor = u.actor AND i.since < j.event_date
  GROUP BY j.ip_foreign, j.event_date, j.actor
),
-- Who else calls from the foreign address that day: an office whose traffic leaves elsewhere moves as a whole.
together AS (
  SELECT d.ip_foreign, d.event_date, count(DISTINCT regexp_replace(a.holder, '^.*/', '')) AS identities
  FROM (SELECT DISTINCT ip_foreign, event_date FROM days) AS d
  JOIN daily_address AS a ON a.source_ip_address = d.ip_foreign AND a.event_date = d.event_date AND a.first_time < $to
  GROUP BY d.ip_foreign, d.event_date
),
-- The holder's clients elsewhere that day: a VPN changes the network and not the client.
own_clients AS (
  SELECT d.holder, d.event_date, array_agg(DISTINCT c.client) AS clients
  FROM days AS d
  JOIN located AS c ON c.holder = d.holder AND c.event_date = d.event_date AND c.source_ip_address <> d.ip_foreign
  GROUP BY d.holder, d.event_date
),
foreign_calls AS (
  SELECT
    d.holder, d.event_date, d.account_id, d.actor,
    coalesce(NOT bool_or(array_has(o.clients, c.client)), FALSE) AS other_clients,
    array_agg(DISTINCT c.client ORDER BY c.client) AS clients
  FROM days AS d
  JOIN located AS c ON c.holder = d.holder AND c.event_date BETWEEN CAST(d.first_time AS DATE) AND d.event_date
    AND c.source_ip_address = d.ip_foreign
  LEFT JOIN own_clients AS o ON o.holder = d.holder AND o.event_date = d.event_date
  GROUP BY d.holder, d.event_date, d.account_id, d.actor
),
-- Calls from both places: those of the move, which may have begun before the window, and all from the foreign address.
both_places AS (
  SELECT
    d.holder, d.event_date, d.account_id, d.actor,
    evidence(c.event_id, c.event_time, c.source_ip_address) AS evidence,
    count(*) AS events
  FROM days AS d
  JOIN located AS c ON c.holder = d.holder AND c.source_ip_address IN (d.ip_before, d.ip_after)
    AND c.event_date BETWEEN CAST(d.first_time AS DATE) AND d.event_date
  WHERE c.source_ip_address = d.ip_foreign OR c.event_time BETWEEN d.first_time AND d.last_time
  GROUP BY d.holder, d.event_date, d.account_id, d.actor
),
found AS (
  SELECT
    d.*,
    f.other_clients, f.clients, b.evidence, b.events,
    coalesce(u.users_before, 0) AS users_before,
    d.actor LIKE '%:user/%' AND i.actor IS NULL AND coalesce(u.programs_before, 0) < $colleagues AS is_lost_program,
    greatest(coalesce(t.identities, 0), coalesce(m.people, 0)) AS identities_there,
    coalesce(t.identities, 0) >= $crowd OR m.people IS NOT NULL AS is_crowd
  FROM days AS d
  JOIN foreign_calls AS f ON f.holder = d.holder AND f.event_date = d.event_date AND f.account_id = d.account_id
    AND f.actor = d.actor
  JOIN both_places AS b ON b.holder = d.holder AND b.event_date = d.event_date AND b.account_id = d.account_id
    AND b.actor = d.actor
  LEFT JOIN colleagues AS u ON u.ip_foreign = d.ip_foreign AND u.event_date = d.event_date AND u.actor = d.actor
  LEFT JOIN people AS i ON i.actor = d.actor AND i.since < d.event_date
  LEFT JOIN rollouts AS m ON m.asn = ip_asn(d.ip_foreign) AND m.event_date = d.event_date
  LEFT JOIN together AS t ON t.ip_foreign = d.ip_foreign AND t.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: twice the speed that is impossible.
  saturating_score(speed_kmh, 2.0 * $speed_kmh) AS score,
  CASE WHEN is_crowd THEN 'low'
       WHEN users_before < $colleagues THEN 'high'
       WHEN other_clients OR is_lost_program THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN is_crowd THEN 'low' WHEN users_before >= $colleagues THEN 'medium' END AS joined_severity,
  actor || ' called from ' || country_before || ' (' || ip_before || ') and '
    -- In less than two minutes, one may have begun before the other ended.
    || CASE WHEN minutes_between < 2 THEN 'at the same time'
            WHEN minutes_between < 120 THEN 'within ' || counted(minutes_between, 'minute', 'minutes')
            ELSE 'within ' || counted(CAST(ceil(minutes_between / 60.0) AS BIGINT), 'hour', 'hours') END
    || ' from ' || country_after || ' (' || ip_after || '), ' || CAST(round(distance_km) AS BIGINT) || ' km away'
    || '; the foreign network was used before by ' || counted(users_before, 'identity', 'identities')
    || CASE WHEN other_clients
            THEN '; client there: ' || array_to_string(clients, ', ') || ', used nowhere else that day' ELSE '' END
    AS summary,
  evidence,
  events,
  holder,
  jumps,
  minutes_between,
  distance_km,
  ip_before AS baseline_ip,
  country_before AS baseline_country,
  users_before AS baseline_identities_in_foreign_network,
  identities_there AS identities_at_the_address,
  clients,
  ip_after,
  country_after,
  ip_foreign
FROM found
