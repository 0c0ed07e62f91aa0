/*
title      = "Identity or key that was silent for long is back"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1078.001"]
why        = "Nobody misses a key that nobody uses: forgotten credentials are found by those who look for them."
benign     = ["Parental leave or a sabbatical", "A yearly job or drill", "A break-glass account"]
respond    = ["Ask the owner whether they are back", "Delete credentials that nobody uses"]
[params]
min_days        = { default = 30, min = 2, help = "days of silence from which anybody is dormant" }
min_ratio       = { default = 10.0, min = 2.0, help = "or the silence against the longest one before, of an identity active on ten times as many days as it needs to have a rhythm" }
min_active_days = { default = 3, min = 1, help = "days an identity must have been active on to have a rhythm" }
*/
-- A silence that counts is of two days at least: whoever never paused so long before the window or in it is not looked at.
WITH recent AS MATERIALIZED (
  SELECT DISTINCT k.entity_type, CASE k.entity_type WHEN 'actor' THEN d.actor ELSE d.access_key_id END AS entity, d.event_date
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
uses AS (
  SELECT 'actor' AS entity_type, d.actor AS entity, d.actor, d.event_date,
    min(d.account_id) AS account_id, min(d.first_time) AS first_time, max(d.last_time) AS last_time,
    CAST(sum(d.calls) AS BIGINT) AS calls, CAST(sum(d.failures) AS BIGINT) AS failures, CAST(sum(d.changes) AS BIGINT) AS changes
  FROM paused AS p
  JOIN daily_client AS d ON d.actor = p.entity
  WHERE p.entity_type = 'actor' AND d.first_time < $to
  GROUP BY d.actor, d.event_date
  UNION ALL
  SELECT 'access_key' AS entity_type, d.access_key_id AS entity, d.actor, d.event_date,
    min(d.account_id) AS account_id, min(d.first_time) AS first_time, max(d.last_time) AS last_time,
    CAST(sum(d.calls) AS BIGINT) AS calls, CAST(sum(d.failures) AS BIGINT) AS failures, CAST(sum(d.changes) AS BIGINT) AS changes
  FROM paused AS p
  JOIN daily_client AS d ON d.access_key_id = p.entity
  WHERE p.entity_type = 'access_key' AND d.first_time < $to
  GROUP BY d.access_key_id, d.actor, d.event_date
),
spaced AS (
  SELECT
    *,
    event_date - lag(event_date) OVER (PARTITION BY entity_type, entity ORDER BY event_date) AS gap_days,
    row_number() OVER (PARTITION BY entity_type, entity ORDER BY event_date) - 1 AS active_days,
    min(event_date) OVER (PARTITION BY entity_type, entity) AS since
  FROM uses
),
judged AS (
  SELECT
    *,
    max(gap_days) OVER (PARTITION BY entity_type, entity ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS longest_gap_days
  FROM spaced
),
-- A yearly break-glass has a rhythm of its own: what counts is a silence longer than any before.
back AS MATERIALIZED (
  SELECT *
  FROM judged
  WHERE first_time >= $from
    AND active_days >= $min_active_days
    AND gap_days > 2 * longest_gap_days
    AND (gap_days >= $min_days OR (gap_days >= $min_ratio * longest_gap_days AND active_days >= 10 * $min_active_days))
),
-- The networks a day brought that the identity never came from.
places AS (
  SELECT actor, event_date, count(*) AS new_networks
  FROM novelties
  WHERE kind = 'asn' AND event_date >= CAST($from AS DATE)
  GROUP BY actor, event_date
),
heavy AS (
  SELECT actor, event_date, count(*) AS categories
  FROM daily_sensitive
  WHERE event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
  GROUP BY actor, event_date
),
told AS (
  SELECT b.*, coalesce(p.new_networks, 0) AS new_networks, coalesce(h.categories, 0) AS sensitive_categories
  FROM back AS b
  LEFT JOIN places AS p ON p.actor = b.actor AND p.event_date = b.event_date
  LEFT JOIN heavy AS h ON h.actor = b.actor AND h.event_date = b.event_date
  -- An identity that comes back brings its key along: one story.
  WHERE b.entity_type = 'actor'
    OR NOT EXISTS (SELECT 1 FROM back AS a WHERE a.entity_type = 'actor' AND a.actor = b.actor AND a.event_date = b.event_date)
)
SELECT
  t.first_time,
  t.last_time,
  t.entity_type,
  t.entity,
  t.actor,
  t.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-ln(t.gap_days / t.longest_gap_days) / 2.0 - t.new_networks - t.sensitive_categories) AS score,
  -- Back from elsewhere, and not only to look.
  CASE WHEN t.new_networks > 0 AND (t.changes > 0 OR t.failures > 0) THEN 'medium'
       WHEN t.sensitive_categories > 0 THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN t.entity_type = 'access_key' THEN t.entity || ' of ' ELSE '' END || t.actor || ' is back after ' || t.gap_days
    || ' days, its longest silence before was ' || t.longest_gap_days || ': ' || t.calls || ' calls, ' || t.changes || ' of them changes, '
    || t.failures || ' failed' || CASE WHEN t.new_networks > 0 THEN ', from a network it never came from' ELSE '' END AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  t.changes,
  t.failures AS failed_calls,
  t.new_networks,
  t.gap_days,
  t.longest_gap_days AS baseline_longest_gap_days,
  t.active_days AS baseline_active_days,
  t.since AS baseline_since
FROM told AS t
JOIN calls AS c ON c.actor = t.actor AND c.event_date = t.event_date
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND (t.entity_type = 'actor' OR c.access_key_id = t.entity)
GROUP BY t.first_time, t.last_time, t.entity_type, t.entity, t.actor, t.account_id, t.gap_days, t.longest_gap_days, t.calls, t.changes,
  t.failures, t.new_networks, t.sensitive_categories, t.active_days, t.since
