/*
title      = "One access key used from two networks at once, with two kinds of client"
severity   = "medium"
confidence = "medium"
attack     = ["T1078.004", "T1528", "T1550.001"]
why        = "A person may change the network or the tool; both within minutes suggests two people."
benign     = ["A VPN that is switched on in between", "A build farm that shares a developer's key"]
respond    = [
  "Ask the owner which of the two networks was theirs",
  "IAM administrator: rotate the key or revoke the session",
]
[params]
within_minutes = { default = 30, min = 1, max = 240, help = "minutes between the two calls" }
warm_up_days   = { default = 3, min = 1, max = 90, help = """\
  days of history an identity needs before its networks are known""" }
min_rarity     = { default = 3.5, min = 0.0, help = """\
  minimum rarity of the network for a medium finding, in nats""" }
*/
WITH addresses AS MATERIALIZED (
  SELECT DISTINCT actor, event_date, source_ip_address, ip_asn(source_ip_address) AS asn
  FROM daily_address
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
    AND ip_asn(source_ip_address) IS NOT NULL
    -- A shell or a job in AWS calls from Amazon's network for its owner.
    AND NOT ip_is_amazon(source_ip_address)
),
-- Pairs of networks that an identity used on one day.
day_pairs AS MATERIALIZED (
  SELECT DISTINCT a.actor, a.event_date, a.asn AS asn_a, b.asn AS asn_b
  FROM addresses AS a
  JOIN addresses AS b ON b.actor = a.actor AND b.event_date = a.event_date AND b.asn > a.asn
),
-- All days and networks of these identities.
seen AS MATERIALIZED (
  SELECT DISTINCT p.actor, d.event_date, ip_asn(d.source_ip_address) AS asn
  FROM (SELECT DISTINCT actor FROM day_pairs) AS p
  JOIN daily_address AS d ON d.actor = p.actor
  WHERE ip_country(d.source_ip_address) IS NOT NULL AND ip_asn(d.source_ip_address) IS NOT NULL AND d.first_time < $to
),
-- An identity that uses two networks on one day may do so again: only the first such day is reported.
first_pairs AS MATERIALIZED (
  SELECT p.actor, p.event_date, p.asn_a, p.asn_b
  FROM day_pairs AS p
  JOIN (
    SELECT a.actor, a.asn AS asn_a, b.asn AS asn_b, min(a.event_date) AS first_date
    FROM seen AS a
    JOIN seen AS b ON b.actor = a.actor AND b.event_date = a.event_date AND b.asn > a.asn
    GROUP BY a.actor, a.asn, b.asn
  ) AS h ON h.actor = p.actor AND h.asn_a = p.asn_a AND h.asn_b = p.asn_b AND h.first_date = p.event_date
),
-- With the day before, for calls around midnight.
days_read AS (
  SELECT actor, event_date FROM first_pairs
  UNION
  SELECT actor, event_date - INTERVAL '1 day' FROM first_pairs
),
located AS MATERIALIZED (
  SELECT
    c.event_id, c.event_time, c.event_date, c.account_id, c.actor, c.access_key_id, c.source_ip_address, c.client,
    c.failed, a.asn
  FROM (
    SELECT a.actor, a.event_date, a.source_ip_address, a.asn
    FROM addresses AS a
    JOIN days_read AS r ON r.actor = a.actor AND r.event_date = a.event_date
  ) AS a
  JOIN calls AS c ON c.actor = a.actor AND c.event_date = a.event_date AND c.source_ip_address = a.source_ip_address
  WHERE NOT c.by_service
    AND c.access_key_id IS NOT NULL
    AND c.event_time >= $from AND c.event_time < $to
),
moved AS (
  SELECT
    *,
    lag(event_time) OVER by_key AS previous_time,
    lag(asn) OVER by_key AS previous_asn,
    lag(client) OVER by_key AS previous_client,
    lag(source_ip_address) OVER by_key AS previous_ip
  FROM located
  WINDOW by_key AS (PARTITION BY actor, access_key_id ORDER BY event_time, source_ip_address, client)
),
flips AS MATERIALIZED (
  SELECT *, least(asn, previous_asn) AS asn_a, greatest(asn, previous_asn) AS asn_b
  FROM moved
  WHERE asn <> previous_asn
    AND client <> previous_client
    AND to_unixtime(event_time) - to_unixtime(previous_time) <= 60 * $within_minutes
),
networks AS MATERIALIZED (
  SELECT actor, CAST(item AS BIGINT) AS asn, event_date AS since
  FROM novelties
  WHERE kind = 'asn' AND first_time < $to
),
known AS (
  SELECT actor, min(since) AS known_since
  FROM networks
  GROUP BY actor
),
-- The network that the identity used later is the foreign one.
dated AS (
  SELECT
    f.*,
    k.known_since,
    n.since >= p.since AS is_foreign,
    greatest(n.since, p.since) AS foreign_since
  FROM flips AS f
  JOIN known AS k ON k.actor = f.actor
  JOIN networks AS n ON n.actor = f.actor AND n.asn = f.asn
  JOIN networks AS p ON p.actor = f.actor AND p.asn = f.previous_asn
  JOIN first_pairs AS h ON h.actor = f.actor AND h.asn_a = f.asn_a AND h.asn_b = f.asn_b AND h.event_date = f.event_date
),
sided AS (
  SELECT
    *,
    CASE WHEN is_foreign THEN asn ELSE previous_asn END AS foreign_asn,
    CASE WHEN is_foreign THEN source_ip_address ELSE previous_ip END AS foreign_ip,
    CASE WHEN is_foreign THEN previous_ip ELSE source_ip_address END AS usual_ip,
    CASE WHEN is_foreign THEN client ELSE previous_client END AS foreign_client,
    CASE WHEN is_foreign THEN previous_client ELSE client END AS usual_client
  FROM dated
  WHERE event_date >= known_since + CAST($warm_up_days || ' days' AS INTERVAL)
),
days AS MATERIALIZED (
  SELECT
    actor, account_id, access_key_id, event_date, known_since,
    min(previous_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS flips,
    first_value(foreign_asn ORDER BY event_time, source_ip_address, client) AS foreign_asn,
    first_value(foreign_ip ORDER BY event_time, source_ip_address, client) AS foreign_ip,
    first_value(usual_ip ORDER BY event_time, source_ip_address, client) AS usual_ip,
    first_value(foreign_client ORDER BY event_time, source_ip_address, client) AS foreign_client,
    first_value(usual_client ORDER BY event_time, source_ip_address, client) AS usual_client,
    first_value(foreign_since ORDER BY event_time, source_ip_address, client) AS foreign_since
  FROM sided
  GROUP BY actor, account_id, access_key_id, event_date, known_since
),
-- All identities known by then; the identity itself is one of them.
met AS (
  SELECT d.event_date, count(*) AS identities
  FROM (SELECT DISTINCT event_date FROM days) AS d
  JOIN known AS k ON k.known_since < d.event_date
  GROUP BY d.event_date
),
colleagues AS (
  SELECT
    d.actor, d.access_key_id, d.account_id, d.event_date,
    m.identities - 1 AS identities,
    count(n.actor) AS colleagues
  FROM days AS d
  JOIN met AS m ON m.event_date = d.event_date
  LEFT JOIN networks AS n ON n.asn = d.foreign_asn AND n.since < d.event_date AND n.actor <> d.actor
  GROUP BY d.actor, d.access_key_id, d.account_id, d.event_date, m.identities
),
-- The calls from the foreign network, and those from the usual address around the changes between the two.
both_networks AS (
  SELECT
    d.actor, d.access_key_id, d.account_id, d.event_date,
    evidence(c.event_id, c.event_time, CAST(c.asn = d.foreign_asn AS VARCHAR)) AS evidence,
    count(*) AS events,
    count(*) FILTER (WHERE c.failed AND c.asn = d.foreign_asn) AS failures
  FROM days AS d
  JOIN located AS c ON c.access_key_id = d.access_key_id AND c.actor = d.actor AND c.event_date = d.event_date
  WHERE c.asn = d.foreign_asn
    OR (c.source_ip_address = d.usual_ip AND c.event_time BETWEEN d.first_time AND d.last_time)
  GROUP BY d.actor, d.access_key_id, d.account_id, d.event_date
)
SELECT
  d.first_time,
  d.last_time,
  'access_key' AS entity_type,
  d.access_key_id AS entity,
  d.actor,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: two changes of network, and one more for each identity that used the network before.
  saturating_score(d.flips + 1.0, 2.0 + w.colleagues) AS score,
  CASE WHEN rarity(w.colleagues, w.identities) >= $min_rarity AND d.foreign_since = d.event_date THEN 'medium'
       ELSE 'low' END AS severity,
  d.access_key_id || ' of ' || d.actor || ' was used from ' || d.usual_ip
    || coalesce(' (' || ip_organisation(d.usual_ip) || ')', '') || ' with ' || d.usual_client || ' and within '
    || counted($within_minutes, 'minute', 'minutes') || ' from ' || d.foreign_ip
    || coalesce(' (' || ip_organisation(d.foreign_ip) || ')', '') || ' with ' || d.foreign_client
    || ', both on one day for the first time; the second network was used before by ' || w.colleagues || ' of '
    || counted(w.identities, 'other identity', 'other identities') AS summary,
  f.evidence,
  f.events,
  d.foreign_ip AS source_ip_address,
  d.foreign_client,
  d.flips,
  f.failures AS failed_calls,
  d.usual_ip AS baseline_ip,
  d.usual_client AS baseline_client,
  d.known_since AS baseline_since,
  w.colleagues AS baseline_identities_from_there
FROM days AS d
JOIN colleagues AS w ON w.actor = d.actor AND w.access_key_id = d.access_key_id AND w.account_id = d.account_id
  AND w.event_date = d.event_date
JOIN both_networks AS f ON f.actor = d.actor AND f.access_key_id = d.access_key_id AND f.account_id = d.account_id
  AND f.event_date = d.event_date
