/*
title      = "APIs called for the first time by this identity"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004"]
why        = """\
  Somebody with stolen credentials calls APIs that their owner never called. With a narrow role this stands out."""
benign     = ["New duties or a new release of a pipeline", "Somebody exploring a service that they began to use"]
respond    = ["Ask the owner whether they made these calls", "See what else the identity did that day"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
min_surprise = { default = 9.0, min = 0.0, help = """\
  minimum surprise of all new APIs of a day together, in nats""" }
settled_days = { default = 10, min = 1, help = """\
  active days, two working weeks, without a new API after which a new one can be medium""" }
*/
WITH days AS (
  SELECT
    *,
    -- The APIs of one day are not independent: the square root keeps a console page of twenty reads in proportion. How
    -- seldom the identity does anything new counts double.
    rarity_sum / sqrt(cardinality(items)) + steadiness * 2.0 AS surprise
  FROM first_times('api', $from, $to, $warm_up_days, FALSE)
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 15 nats, more than one and a half times the least that is reported.
  saturating_score(d.surprise, 15.0) AS score,
  'low' AS severity,
  -- Something new matters more for an identity that hardly ever does anything new.
  CASE WHEN d.new_days = 0 AND d.active_days >= $settled_days AND count(*) FILTER (WHERE c.failed) < count(*)
       THEN 'medium' END AS joined_severity,
  d.actor || CASE WHEN bool_and(c.failed) THEN ' tried to call ' ELSE ' called ' END
    || listed(coalesce(array_distinct(array_agg(c.event_source || ':' || c.api ORDER BY array_position(d.items,
      c.event_source || ':' || c.api)) FILTER (WHERE NOT c.failed)), d.items), 4)
    || ' for the first time' || also_failed(count(*) FILTER (WHERE c.failed), count(*))
    || '; a new API on ' || d.new_days || ' of ' || counted(d.active_days, 'day', 'days') || ' before' AS summary,
  evidence(c.event_id, c.event_time, c.event_source || c.api) AS evidence,
  count(*) AS events,
  d.items AS apis,
  d.surprise AS surprise_nats,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_api
FROM days AS d
JOIN calls AS c ON c.actor = d.actor AND c.event_date = d.event_date
  AND array_has(d.items, c.event_source || ':' || c.api)
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND d.surprise >= $min_surprise
GROUP BY d.first_time, d.actor, d.account_id, d.items, d.surprise, d.known_since, d.active_days, d.new_days
