/*
title      = "Denied across many APIs or many resources within an hour"
severity   = "medium"
confidence = "high"
attack     = ["T1580", "T1526", "T1087.004", "T1069.003"]
why        = "Whoever finds credentials tries them on everything to learn what they allow; most of it is denied."
benign     = ["A new role with too few permissions", "A security scanner without its exceptions"]
respond    = ["Disable the key or revoke the session", "List what the identity was allowed to do in that hour"]
[params]
min_apis      = { default = 5, min = 2, help = "different APIs denied within one hour" }
warm_up_days  = { default = 7, min = 0, max = 90, help = """\
  days of history an account needs before an identity can be new to it""" }
min_targets   = { default = 10, min = 2, help = """\
  or different requests of the control plane denied within one hour: one API tried on many resources""" }
excess        = { default = 1.5, min = 1.0, help = """\
  APIs or requests denied as a multiple of the identity's previous maximum""" }
many_services = { default = 8, min = 1, help = "different services with denials that make the finding high" }
*/
WITH candidates AS MATERIALIZED (
  SELECT DISTINCT actor, account_id, peer_group(actor) AS peers
  FROM hourly_activity
  WHERE event_date >= CAST($from AS DATE) AND hour < $to
    AND (denied_apis >= $min_apis OR denied_targets >= $min_targets)
),
hourly AS (
  SELECT
    actor, account_id, hour, denied,
    denied_apis AS apis_denied,
    denied_services AS services_denied,
    denied_targets AS targets_denied
  FROM hourly_activity
  WHERE denied > 0 AND hour < $to
),
-- A scanner gets denials every day: an hour counts only if it is broader than the identity's broadest earlier hour.
judged AS (
  SELECT
    h.*,
    coalesce(max(h.apis_denied) OVER before, 0) AS most_apis_before,
    coalesce(max(h.targets_denied) OVER before, 0) AS most_targets_before,
    count(*) OVER before AS hours_before
  FROM candidates AS c
  JOIN hourly AS h ON h.actor = c.actor AND h.account_id = c.account_id
  WINDOW before AS (
    PARTITION BY h.actor, h.account_id ORDER BY h.hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
broad AS MATERIALIZED (
  SELECT *, CAST(hour AS DATE) AS event_date
  FROM judged
  WHERE hour >= $from
    AND ((apis_denied >= $min_apis AND apis_denied > $excess * most_apis_before)
      OR (targets_denied >= $min_targets AND targets_denied > $excess * most_targets_before))
),
-- The broadest hour of any peer on an earlier day: a role with too few permissions is denied to everyone who assumes
-- it.
peer_days AS (
  SELECT
    peers, event_date,
    coalesce(max(apis) OVER before, 0) AS most_apis_of_peers
  FROM (
    SELECT c.peers, CAST(h.hour AS DATE) AS event_date, max(h.apis_denied) AS apis
    FROM (SELECT DISTINCT peers FROM candidates) AS c
    JOIN hourly AS h ON peer_group(h.actor) = c.peers
    GROUP BY c.peers, CAST(h.hour AS DATE)
  )
  WINDOW before AS (PARTITION BY peers ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- Since when an identity is known: a supplier's new role gets many denials in its first days.
met AS (
  SELECT h.actor, h.account_id, min(h.event_date) AS since
  FROM (SELECT DISTINCT actor, account_id FROM broad) AS b
  JOIN daily_activity AS h ON h.actor = b.actor AND h.account_id = b.account_id AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id
),
compared AS (
  SELECT
    b.*,
    coalesce(p.most_apis_of_peers, 0) AS most_apis_of_peers,
    CAST(b.event_date - m.since AS BIGINT) <= 1
      AND CAST(b.event_date - o.since AS BIGINT) >= $warm_up_days AS is_new
  FROM broad AS b
  LEFT JOIN met AS m ON m.actor = b.actor AND m.account_id = b.account_id
  LEFT JOIN own_account AS o ON o.account_id = b.account_id
  LEFT JOIN peer_days AS p ON p.peers = peer_group(b.actor) AND p.event_date = b.event_date
)
SELECT
  min(c.event_time) AS first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  b.actor AS entity,
  b.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 15 APIs, three times the least that is reported; four requests count as one API.
  saturating_score(b.apis_denied + b.targets_denied / 4.0, 15.0) AS score,
  CASE WHEN b.is_new THEN 'low'
       WHEN peer_group(b.actor) <> b.actor AND b.apis_denied <= b.most_apis_of_peers THEN 'low'
       WHEN b.services_denied >= $many_services THEN 'high'
       ELSE 'medium' END AS severity,
  b.actor || ' was denied ' || counted(b.apis_denied, 'API', 'APIs') || ' of '
    || counted(b.services_denied, 'service', 'services') || ' in an hour: '
    || counted(b.targets_denied, 'different request', 'different requests') || ', '
    || counted(b.denied, 'call', 'calls') || '; previous maximum: ' || counted(b.most_apis_before, 'API', 'APIs')
    || ' (peers: ' || b.most_apis_of_peers || ')' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  CAST(b.hour AS VARCHAR) AS key,
  b.apis_denied,
  b.services_denied,
  b.targets_denied,
  b.most_apis_before AS baseline_most_apis_denied_in_an_hour,
  b.most_apis_of_peers AS baseline_most_apis_denied_to_a_peer_in_an_hour,
  b.most_targets_before AS baseline_most_requests_denied_in_an_hour,
  b.hours_before AS baseline_hours_with_denials
FROM compared AS b
JOIN calls AS c
  ON c.actor = b.actor AND c.account_id = b.account_id AND date_trunc('hour', c.event_time) = b.hour
WHERE NOT c.by_service
  AND c.error_family = 'denied'
  AND c.event_time >= $from AND c.event_time < $to
GROUP BY b.actor, b.account_id, b.hour, b.apis_denied, b.services_denied, b.targets_denied, b.denied,
  b.most_apis_before, b.most_apis_of_peers, b.most_targets_before, b.hours_before, b.is_new
