/*
title      = "Secret, bucket, key, role, function or instance type this identity never touched"
severity   = "low"
confidence = "low"
attack     = ["T1552", "T1530"]
why        = "Stolen credentials reach for what their owner never needed."
benign     = ["A new project", "A resource that was made this week"]
respond    = ["Ask the owner what they needed it for", "Tell its story: trailhunt entity"]
[params]
warm_up_days = { default = 14, min = 1, max = 90, help = "days of history an identity needs before it can be judged" }
active_days  = { default = 10, min = 1, help = "and the days of them it was active on" }
min_new      = { default = 3, min = 1, help = "so many new things in a day, for one that never touched anything new, are worth a call" }
min_surprise = { default = 6.0, min = 0.0, help = "nats; for others a day with less surprising firsts is left out" }
*/
WITH days AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    array_agg(item ORDER BY rarity DESC, item) AS resources,
    count(*) AS resources_new,
    max(rarity) + max(steadiness) AS surprise
  FROM novelties
  WHERE kind = 'target'
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
    AND history_days >= $warm_up_days
    AND active_days >= $active_days
    -- What nobody touched before was made just now.
    AND is_known
  GROUP BY actor, account_id, event_date
  HAVING max(new_days) = 0 OR max(rarity) + max(steadiness) >= $min_surprise
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-d.surprise / 8.0) AS score,
  -- A job reads the same things for ever.
  CASE WHEN d.new_days = 0 AND d.resources_new >= $min_new THEN 'medium' ELSE 'low' END AS severity,
  d.actor || ' touched ' || d.resources_new || CASE WHEN d.resources_new = 1 THEN ' thing' ELSE ' things' END || ' for the first time: '
    || array_to_string(array_slice(d.resources, 1, 3), ', ') || '; it did so on ' || d.new_days || ' of ' || d.active_days || ' days' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  array_slice(d.resources, 1, 20) AS resources,
  d.resources_new,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_resource
FROM days AS d
JOIN targeted_calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  AND array_has(d.resources, c.kind || ' ' || c.target)
WHERE c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.actor, d.account_id, d.resources, d.resources_new, d.surprise, d.known_since, d.active_days, d.new_days
