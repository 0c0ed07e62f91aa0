/*
title      = "Country or network never seen for this identity"
severity   = "medium"
confidence = "medium"
attack     = ["T1078.004"]
why        = "Stolen credentials are used from somewhere else."
benign     = ["Travel", "A new office, home or VPN provider", "A cloud provider that moved its runners"]
respond    = ["Ask the owner where they were", "IAM administrator: revoke the session if they were not there"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
min_surprise = { default = 3.0, min = 0.0, help = "minimum surprise of a new place, in nats" }
crowd        = { default = 8, min = 2, help = """\
  an address from which this many people call on one day is a shared exit, such as an office or a VPN""" }
settled_days = { default = 20, min = 1, help = """\
  active days without a new place after which a key is expected to stay where it is""" }
strange      = { default = 5.0, min = 0.0, help = """\
  minimum surprise of a new network to be medium if something else is unusual that day, in nats""" }
*/
-- A new place is a country or a network, so that the pattern of first_times() does not fit.
WITH places AS (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    max(item) FILTER (WHERE kind = 'country') AS new_country,
    max(item) FILTER (WHERE kind = 'asn') AS new_asn,
    max(rarity) + max(steadiness) AS surprise
  FROM novelties
  WHERE kind IN ('country', 'asn')
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
    AND history_days >= $warm_up_days
  GROUP BY actor, account_id, event_date
),
-- Who calls from an address on a day: an office whose traffic leaves elsewhere moves as a whole.
together AS (
  SELECT source_ip_address, event_date, count(DISTINCT regexp_replace(actor, '^.*/', '')) AS people
  FROM daily_network
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY source_ip_address, event_date
),
seen AS (
  SELECT
    p.actor, p.event_date,
    max(m.people) AS people_moved,
    first_value(n.source_ip_address ORDER BY n.first_time, n.source_ip_address) AS source_ip_address,
    first_value(n.country ORDER BY n.first_time, n.source_ip_address) AS country,
    first_value(n.organisation ORDER BY n.first_time, n.source_ip_address) AS organisation,
    bool_or(n.with_mfa) AS with_mfa,
    max(t.people) AS people_there
  FROM places AS p
  JOIN daily_network AS n ON n.actor = p.actor AND n.event_date = p.event_date
    AND (n.country = p.new_country OR CAST(n.asn AS VARCHAR) = p.new_asn)
    AND n.event_date >= CAST($from AS DATE)
  JOIN together AS t ON t.source_ip_address = n.source_ip_address AND t.event_date = n.event_date
  LEFT JOIN mass_moves($from, $to) AS m ON m.asn = n.asn AND m.event_date = n.event_date
  -- A person's own shell in AWS, or an address of the organisation's workloads, is not another place.
  LEFT ANTI JOIN places_in_aws($from, $to) AS s ON s.actor = n.actor AND s.event_date = n.event_date
    AND s.source_ip_address = n.source_ip_address
  GROUP BY p.actor, p.event_date
),
-- Users who signed in to the console before are people. One who travels takes the usual computer along.
travellers AS (
  SELECT DISTINCT p.actor, p.event_date
  FROM places AS p
  JOIN daily_sign_in AS i ON i.actor = p.actor AND i.event_date < p.event_date
  LEFT ANTI JOIN novelties AS n ON n.kind = 'user_agent' AND n.actor = p.actor AND n.event_date = p.event_date
    AND n.event_date >= CAST($from AS DATE) AND n.first_time < $to
  WHERE i.event_date < CAST($to AS DATE)
)
SELECT
  p.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  p.actor AS entity,
  p.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 4 nats, a little more than the least that is reported.
  saturating_score(p.surprise, 4.0) AS score,
  -- People travel, move house and change their VPN; a key that stays on a machine does not. People are users of an
  -- identity provider (sessions of a role, or ids of IAM Identity Center), and users with the client they always use.
  CASE WHEN NOT s.with_mfa AND s.people_there < $crowd AND s.people_moved IS NULL AND p.new_asn IS NOT NULL
         AND p.actor LIKE 'arn:%' AND p.actor NOT LIKE '%:assumed-role/%' AND t.actor IS NULL
         AND ((p.new_country IS NOT NULL AND p.surprise >= $strange)
           OR (p.new_days = 0 AND p.active_days >= $settled_days))
         THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN p.new_asn IS NOT NULL AND p.surprise >= $strange AND s.people_there < $crowd AND s.people_moved IS NULL
         THEN 'medium'
       ELSE 'low' END AS joined_severity,
  p.actor || ' called from ' || s.source_ip_address || ' in ' || s.country
    || coalesce(' (' || s.organisation || ')', '') || ': '
    || CASE WHEN p.new_country IS NOT NULL AND p.new_asn IS NOT NULL THEN 'a new country and a new network'
            WHEN p.new_country IS NOT NULL THEN 'a new country' ELSE 'a new network' END
    || ' for this identity' || CASE WHEN s.with_mfa THEN ', with MFA' ELSE '' END AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  s.source_ip_address,
  p.new_country,
  CAST(p.new_asn AS BIGINT) AS new_asn,
  s.organisation,
  s.with_mfa,
  s.people_there AS people_at_the_address,
  s.people_moved AS people_who_moved_there,
  p.surprise AS surprise_nats,
  p.known_since AS baseline_since,
  p.active_days AS baseline_active_days,
  p.new_days AS baseline_days_with_a_new_place
FROM places AS p
JOIN seen AS s ON s.actor = p.actor AND s.event_date = p.event_date
LEFT JOIN travellers AS t ON t.actor = p.actor AND t.event_date = p.event_date
JOIN calls AS c ON c.actor = p.actor AND c.event_date = p.event_date
  AND (ip_country(c.source_ip_address) = p.new_country OR CAST(ip_asn(c.source_ip_address) AS VARCHAR) = p.new_asn)
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND p.surprise >= $min_surprise
GROUP BY p.first_time, p.actor, p.account_id, p.new_country, p.new_asn, p.surprise, p.known_since,
  p.active_days, p.new_days, s.source_ip_address, s.country, s.organisation, s.with_mfa, s.people_there, s.people_moved,
  t.actor
