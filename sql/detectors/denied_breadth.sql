/*
title      = "Denied across many APIs or many resources within an hour"
severity   = "medium"
confidence = "high"
attack     = ["T1580", "T1526", "T1087.004", "T1069.003"]
why        = "Whoever finds credentials tries them on everything to learn what they allow; most of it is denied."
benign     = ["A new role with too few permissions", "A security scanner without its exceptions"]
respond    = [
  "IAM administrator: disable the key or revoke the session",
  "List what the identity was allowed to do in that hour",
]
chart      = { series = "denied APIs per hour", observed = "apis_denied", usual = [
  "most_apis_denied_in_an_hour", "most_apis_denied_to_a_peer_in_an_hour"] }
[params]
min_apis      = { default = 5, min = 2, help = "different APIs denied within one hour" }
warm_up_days  = { default = 7, min = 0, max = 90, help = """\
  days of history an account needs before an identity can be new to it""" }
min_targets   = { default = 10, min = 2, help = """\
  or different requests of the control plane denied within one hour: one API tried on many resources""" }
excess        = { default = 1.5, min = 1.0, help = """\
  APIs or requests denied as a multiple of the identity's previous maximum""" }
many_services = { default = 8, min = 1, help = """\
  different services with denials that make the finding high, if the network or the client is new for the identity""" }
routine_share = { default = 0.5, min = 0.0, max = 1.0, help = """\
  share of the identity's earlier days with denials from which denials are part of its work, as with a scanner""" }
*/
-- Identities with enough denials in an hour of the clock and the one before: any 60 minutes are within two.
WITH candidates AS MATERIALIZED (
  SELECT DISTINCT actor, account_id, event_date
  FROM (
    SELECT
      actor, account_id, event_date,
      sum(denied_apis) OVER two_hours AS apis,
      sum(denied_targets) OVER two_hours AS targets
    FROM hourly_activity
    WHERE denied > 0 AND hour >= $from - INTERVAL '1 hour' AND hour < $to
      AND event_date >= CAST($from AS DATE) - INTERVAL '1 day'
    WINDOW two_hours AS (
      PARTITION BY actor, account_id ORDER BY hour RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
  )
  WHERE event_date >= CAST($from AS DATE) AND (apis >= $min_apis OR targets >= $min_targets)
),
denials AS (
  SELECT
    c.actor, c.account_id, c.event_date, c.event_time, c.event_id, c.event_source,
    c.event_source || ':' || c.api AS what,
    CASE WHEN c.management_event IS NOT FALSE
         THEN c.event_source || ':' || c.api || coalesce(c.request_parameters, '') END AS target
  FROM (SELECT DISTINCT actor, account_id FROM candidates) AS k
  JOIN calls AS c ON c.actor = k.actor AND c.account_id = k.account_id
  WHERE NOT c.by_service
    AND c.error_family = 'denied'
    AND c.event_time >= $from - INTERVAL '1 hour' AND c.event_time < $to
),
counted_back AS (
  SELECT
    *,
    count(DISTINCT what) OVER past_hour AS apis_denied,
    count(DISTINCT event_source) OVER past_hour AS services_denied,
    count(DISTINCT target) OVER past_hour AS targets_denied,
    count(*) OVER past_hour AS denied
  FROM denials
  WINDOW past_hour AS (
    PARTITION BY actor, account_id ORDER BY event_time RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
),
-- The most of each in 60 minutes of the day, and the end of the broadest 60 minutes.
broadest AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    max(apis_denied) AS apis_denied,
    max(services_denied) AS services_denied,
    max(targets_denied) AS targets_denied,
    max(denied) AS denied,
    first_value(event_time ORDER BY apis_denied DESC, targets_denied DESC, event_time) AS until
  FROM counted_back
  WHERE event_time >= $from
  GROUP BY actor, account_id, event_date
),
-- A scanner gets denials every day: a day counts only if it is broader than the identity's broadest earlier hour.
before AS (
  SELECT
    b.actor, b.account_id, b.event_date,
    max(h.denied_apis) AS most_apis,
    max(h.denied_targets) AS most_targets,
    max(h.apis) AS most_called,
    count(*) FILTER (WHERE h.denied > 0) AS hours,
    count(DISTINCT h.event_date) AS active_days,
    count(DISTINCT CASE WHEN h.denied > 0 THEN h.event_date END) AS denied_days
  FROM broadest AS b
  JOIN hourly_activity AS h ON h.actor = b.actor AND h.account_id = b.account_id AND h.event_date < b.event_date
  WHERE h.event_date < CAST($to AS DATE)
  GROUP BY b.actor, b.account_id, b.event_date
),
broad AS MATERIALIZED (
  SELECT
    b.*,
    peer_group(b.actor) AS peers,
    coalesce(p.most_apis, 0) AS most_apis_before,
    coalesce(p.most_targets, 0) AS most_targets_before,
    coalesce(p.most_called, 0) AS most_called_before,
    coalesce(p.hours, 0) AS hours_before,
    coalesce(p.active_days, 0) AS active_days,
    coalesce(p.denied_days, 0) AS denied_days
  FROM broadest AS b
  LEFT JOIN before AS p ON p.actor = b.actor AND p.account_id = b.account_id AND p.event_date = b.event_date
  WHERE (b.apis_denied >= $min_apis AND b.apis_denied > $excess * coalesce(p.most_apis, 0))
    OR (b.targets_denied >= $min_targets AND b.targets_denied > $excess * coalesce(p.most_targets, 0))
),
-- The broadest hour of any peer on an earlier day: a role with too few permissions is denied to everyone who assumes
-- it.
peer_days AS (
  SELECT b.peers, b.event_date, max(h.denied_apis) AS most_apis_of_peers
  FROM (SELECT DISTINCT peers, event_date FROM broad) AS b
  JOIN hourly_activity AS h ON peer_group(h.actor) = b.peers AND h.event_date < b.event_date
  WHERE h.denied > 0 AND h.event_date < CAST($to AS DATE)
  GROUP BY b.peers, b.event_date
),
-- The most services, and the most APIs of IAM, that an identity used on an earlier day, and whether it changed
-- anything. IAM's reports are made for whoever reads: AWS's policy SecurityAudit allows to generate them.
services AS (
  SELECT
    actor, account_id, event_date,
    max(services) AS most_services,
    max(iam_apis) AS most_iam_apis,
    CAST(sum(changes) AS BIGINT) AS changes_before
  FROM (
    SELECT
      b.actor, b.account_id, b.event_date, u.event_date AS day, count(DISTINCT u.event_source) AS services,
      count(DISTINCT CASE WHEN u.event_source = 'iam.amazonaws.com' THEN u.api END) AS iam_apis,
      sum(CASE WHEN u.event_source = 'iam.amazonaws.com' AND u.api LIKE 'Generate%' THEN 0 ELSE u.changes END)
        AS changes
    FROM broad AS b
    JOIN daily_api_use AS u ON u.actor = b.actor AND u.account_id = b.account_id AND u.event_date < b.event_date
    WHERE u.event_date < CAST($to AS DATE)
    GROUP BY b.actor, b.account_id, b.event_date, u.event_date
  )
  GROUP BY actor, account_id, event_date
),
-- Identities that came from a new place or with a new client that day.
changed AS (
  SELECT DISTINCT actor, event_date
  FROM novelties
  WHERE kind IN ('asn', 'country', 'user_agent') AND event_date >= CAST($from AS DATE) AND first_time < $to
),
-- Users who signed in to the console before are people.
people AS (
  SELECT DISTINCT b.actor, b.event_date
  FROM broad AS b
  JOIN daily_sign_in AS i ON i.actor = b.actor AND i.event_date < b.event_date
  WHERE i.event_date < CAST($to AS DATE)
),
-- The most APIs that were not denied to it in an hour of that day.
allowed AS (
  SELECT b.actor, b.account_id, b.event_date, max(h.apis - h.denied_apis) AS apis
  FROM broad AS b
  JOIN hourly_activity AS h ON h.actor = b.actor AND h.account_id = b.account_id AND h.event_date = b.event_date
  WHERE h.event_date >= CAST($from AS DATE) AND h.event_date < CAST($to AS DATE)
  GROUP BY b.actor, b.account_id, b.event_date
),
compared AS (
  SELECT
    b.*,
    coalesce(p.most_apis_of_peers, 0) AS most_apis_of_peers,
    n.actor IS NOT NULL AS is_changed,
    -- A supplier's new role gets many denials in its first days.
    coalesce(CAST(b.event_date - m.since AS BIGINT), 0) <= 1
      AND CAST(b.event_date - o.since AS BIGINT) >= $warm_up_days AS is_new,
    -- A scanner: denials are part of its work, or it looks at many services, or at IAM from many sides, and changes
    -- nothing. It calls from where it usually does, and asks for no more than it usually does, or for more beside its
    -- usual scan, as after an update.
    b.active_days >= $warm_up_days AND n.actor IS NULL
      AND (b.apis_denied <= b.most_called_before OR 2 * u.apis >= b.most_called_before)
      AND (b.denied_days >= $routine_share * b.active_days
        OR (s.changes_before = 0 AND greatest(s.most_services, s.most_iam_apis) >= $min_apis)) AS is_routine,
    -- A person who looks around from the usual place, with the usual client. Whoever tries out credentials is denied
    -- most of what they ask for.
    (b.peers <> b.actor OR i.actor IS NOT NULL) AND n.actor IS NULL
      AND CAST(b.event_date - m.since AS BIGINT) >= $warm_up_days
      AND (b.services_denied < $many_services OR b.apis_denied < u.apis) AS is_at_work
  FROM broad AS b
  LEFT JOIN (
    SELECT h.actor, h.account_id, min(h.event_date) AS since
    FROM (SELECT DISTINCT actor, account_id FROM broad) AS b
    JOIN daily_activity AS h ON h.actor = b.actor AND h.account_id = b.account_id
    WHERE h.event_date < CAST($to AS DATE)
    GROUP BY h.actor, h.account_id
  ) AS m ON m.actor = b.actor AND m.account_id = b.account_id
  LEFT JOIN own_account AS o ON o.account_id = b.account_id
  LEFT JOIN peer_days AS p ON p.peers = b.peers AND p.event_date = b.event_date
  LEFT JOIN services AS s ON s.actor = b.actor AND s.account_id = b.account_id AND s.event_date = b.event_date
  LEFT JOIN changed AS n ON n.actor = b.actor AND n.event_date = b.event_date
  LEFT JOIN people AS i ON i.actor = b.actor AND i.event_date = b.event_date
  LEFT JOIN allowed AS u ON u.actor = b.actor AND u.account_id = b.account_id AND u.event_date = b.event_date
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
  CASE WHEN b.is_new OR b.is_routine THEN 'low'
       WHEN b.peers <> b.actor AND b.apis_denied <= b.most_apis_of_peers THEN 'low'
       WHEN b.services_denied >= $many_services AND b.is_changed THEN 'high'
       WHEN b.is_at_work THEN 'low'
       ELSE 'medium' END AS severity,
  b.actor || ' was denied ' || counted(b.apis_denied, 'API', 'APIs') || ' of '
    || counted(b.services_denied, 'service', 'services') || ' in an hour: '
    || counted(b.targets_denied, 'different request', 'different requests') || ', '
    || counted(b.denied, 'call', 'calls') || '; previous maximum: ' || counted(b.most_apis_before, 'API', 'APIs')
    || ' (peers: ' || b.most_apis_of_peers || ')'
    || CASE WHEN b.active_days = 0 THEN ', not active before'
            ELSE ', denied on ' || b.denied_days || ' of ' || counted(b.active_days, 'active day', 'active days')
              || ' before' END AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  b.apis_denied,
  b.services_denied,
  b.targets_denied,
  b.is_changed AS from_a_new_place_or_client,
  b.most_apis_before AS baseline_most_apis_denied_in_an_hour,
  b.most_apis_of_peers AS baseline_most_apis_denied_to_a_peer_in_an_hour,
  b.most_targets_before AS baseline_most_requests_denied_in_an_hour,
  b.most_called_before AS baseline_most_apis_called_in_an_hour,
  b.hours_before AS baseline_hours_with_denials,
  b.denied_days AS baseline_days_with_denials,
  b.active_days AS baseline_active_days
FROM compared AS b
JOIN denials AS c ON c.actor = b.actor AND c.account_id = b.account_id
  AND c.event_time <= b.until AND c.event_time >= b.until - INTERVAL '1 hour'
WHERE c.event_time >= $from
GROUP BY b.actor, b.account_id, b.event_date, b.peers, b.apis_denied, b.services_denied, b.targets_denied, b.denied,
  b.most_apis_before, b.most_apis_of_peers, b.most_targets_before, b.most_called_before, b.hours_before,
  b.denied_days, b.active_days, b.is_new, b.is_routine, b.is_changed, b.is_at_work
