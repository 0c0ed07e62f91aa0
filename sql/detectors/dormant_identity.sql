/*
title      = "Identity or key active again after a long silence"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1078.001"]
why        = "Nobody notices when a forgotten key is used, so attackers look for forgotten keys."
benign     = ["Parental leave or a sabbatical", "A yearly job or drill", "A break-glass account"]
respond    = ["Ask the owner whether they are back", "IAM administrator: delete credentials that nobody uses"]
[params]
min_days        = { default = 30, min = 2, help = "days of silence after which any identity is dormant" }
min_ratio       = { default = 10.0, min = 2.0, help = """\
  or the silence as a multiple of the longest earlier one, for identities with a regular rhythm""" }
min_active_days = { default = 3, min = 1, help = "active days an identity needs to be evaluated" }
settled_days    = { default = 30, min = 1, help = "active days after which an identity has a regular rhythm" }
factor          = { default = 2.0, min = 1.0, help = """\
  the silence must be this many times longer than the longest earlier one: a yearly break-glass account has its own \
  rhythm""" }
*/
-- Only silences of at least two days count: identities without such a pause in or just before the window are skipped.
WITH recent AS MATERIALIZED (
  SELECT DISTINCT
    k.entity_type, CASE k.entity_type WHEN 'actor' THEN d.actor ELSE d.access_key_id END AS entity, d.event_date
  FROM daily_client AS d
  CROSS JOIN (VALUES ('actor'), ('access_key')) AS k(entity_type)
  WHERE d.event_date >= CAST($from AS DATE) - INTERVAL '2 days' AND d.first_time < $to
),
paused AS MATERIALIZED (
  SELECT DISTINCT r.entity_type, r.entity
  FROM recent AS r
  LEFT ANTI JOIN recent AS b ON b.entity_type = r.entity_type AND b.entity = r.entity
    AND b.event_date < r.event_date AND b.event_date >= r.event_date - INTERVAL '2 days'
  WHERE r.event_date >= CAST($from AS DATE) AND r.entity IS NOT NULL
),
used AS (
  SELECT p.entity_type, p.entity, d.*
  FROM paused AS p
  JOIN daily_client AS d ON d.actor = p.entity
  WHERE p.entity_type = 'actor' AND d.first_time < $to
  UNION ALL
  SELECT p.entity_type, p.entity, d.*
  FROM paused AS p
  JOIN daily_client AS d ON d.access_key_id = p.entity
  WHERE p.entity_type = 'access_key' AND d.first_time < $to
),
daily AS (
  SELECT
    entity_type, entity, actor, event_date,
    min(account_id) AS account_id,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    CAST(sum(calls) AS BIGINT) AS calls,
    CAST(sum(failures) AS BIGINT) AS failures,
    CAST(sum(changes) AS BIGINT) AS changes
  FROM used
  GROUP BY entity_type, entity, actor, event_date
),
spaced AS (
  SELECT
    *,
    event_date - lag(event_date) OVER days AS gap_days,
    row_number() OVER days - 1 AS active_days,
    min(event_date) OVER (PARTITION BY entity_type, entity) AS since
  FROM daily
  WINDOW days AS (PARTITION BY entity_type, entity ORDER BY event_date)
),
judged AS (
  SELECT
    *,
    max(gap_days) OVER (
      PARTITION BY entity_type, entity ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
      AS longest_gap_days
  FROM spaced
),
back AS MATERIALIZED (
  SELECT *
  FROM judged
  WHERE first_time >= $from
    AND active_days >= $min_active_days
    AND gap_days > $factor * longest_gap_days
    AND (gap_days >= $min_days OR (gap_days >= $min_ratio * longest_gap_days AND active_days >= $settled_days))
),
-- Networks that the identity used for the first time on that day.
networks AS (
  SELECT actor, event_date, count(*) AS new_networks
  FROM novelties
  WHERE kind = 'asn' AND event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, event_date
),
sensitive AS (
  SELECT actor, event_date, count(*) AS categories
  FROM daily_sensitive
  WHERE event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
  GROUP BY actor, event_date
),
found AS (
  SELECT b.*, coalesce(n.new_networks, 0) AS new_networks, coalesce(s.categories, 0) AS sensitive_categories
  FROM back AS b
  LEFT JOIN networks AS n ON n.actor = b.actor AND n.event_date = b.event_date
  LEFT JOIN sensitive AS s ON s.actor = b.actor AND s.event_date = b.event_date
  -- An identity that is active again uses its key: that is one finding, not two.
  WHERE b.entity_type = 'actor' OR NOT EXISTS (
    SELECT 1 FROM back AS a WHERE a.entity_type = 'actor' AND a.actor = b.actor AND a.event_date = b.event_date)
)
SELECT
  f.first_time,
  f.last_time,
  f.entity_type,
  f.entity,
  f.actor,
  f.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: a silence e^2, or 7, times the longest before. A new network or a sensitive call counts for as much as 7
  -- times.
  saturating_score(ln(f.gap_days / f.longest_gap_days) + 2.0 * (f.new_networks + f.sensitive_categories), 2.0) AS score,
  -- From a new network, with changes or failed calls.
  CASE WHEN f.new_networks > 0 AND (f.changes > 0 OR f.failures > 0) THEN 'medium'
       WHEN f.sensitive_categories > 0 THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN f.entity_type = 'access_key' THEN f.entity || ' of ' ELSE '' END || f.actor
    || CASE WHEN f.failures = f.calls THEN ' tried ' || counted(f.calls, 'call', 'calls')
            ELSE ' made ' || counted(f.calls - f.failures, 'call', 'calls') END
    || ' after ' || counted(f.gap_days, 'day', 'days') || ' of silence' || also_failed(f.failures, f.calls)
    || '; longest silence before: ' || counted(f.longest_gap_days, 'day', 'days')
    || CASE WHEN f.changes > 0 THEN '; ' || counted(f.changes, 'change', 'changes') || ' among them' ELSE '' END
    || CASE WHEN f.new_networks > 0 THEN '; from a network that is new for it' ELSE '' END AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  f.changes,
  f.failures AS failed_calls,
  f.new_networks,
  f.gap_days,
  f.longest_gap_days AS baseline_longest_gap_days,
  f.active_days AS baseline_active_days,
  f.since AS baseline_since
FROM found AS f
JOIN calls AS c ON c.actor = f.actor AND c.event_date = f.event_date
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND (f.entity_type = 'actor' OR c.access_key_id = f.entity)
GROUP BY f.first_time, f.last_time, f.entity_type, f.entity, f.actor, f.account_id, f.gap_days, f.longest_gap_days,
  f.calls, f.changes, f.failures, f.new_networks, f.sensitive_categories, f.active_days, f.since
