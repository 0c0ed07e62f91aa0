/*
title      = "APIs called for the first time by this identity"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004"]
why        = "Whoever holds stolen credentials does things their owner never did, and a narrow role shows it at once."
benign     = ["New duties or a new release of a pipeline", "Somebody exploring a service they began to use"]
respond    = ["Ask the owner whether they made these calls", "Read what else the identity did that day"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an identity needs before it can be judged" }
min_surprise = { default = 9.0, min = 0.0, help = "nats; a day whose new APIs are less surprising together is left out" }
*/
WITH days AS (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    array_agg(item ORDER BY rarity DESC, item) AS apis,
    -- What one adventurous day brings grows with the number of APIs; its root keeps a console page of twenty reads in proportion.
    sum(rarity) / sqrt(count(*)) + max(steadiness) * 2.0 AS surprise
  FROM novelties
  WHERE kind = 'api'
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
    AND history_days >= $warm_up_days
  GROUP BY actor, account_id, event_date
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-d.surprise / 15.0) AS score,
  -- A steady identity that leaves its path matters more than a busy one that widens it.
  'low' AS severity,
  CASE WHEN d.new_days = 0 AND d.active_days >= 5 AND count(*) FILTER (WHERE c.failed) < count(*) THEN 'medium' END AS joined_severity,
  d.actor || ' called ' || cardinality(d.apis) || ' APIs for the first time: '
    || array_to_string(array_slice(d.apis, 1, 4), ', ') || CASE WHEN cardinality(d.apis) > 4 THEN ', ...' ELSE '' END
    || CASE WHEN count(*) FILTER (WHERE c.failed) > 0 THEN '; ' || count(*) FILTER (WHERE c.failed) || ' of ' || count(*) || ' calls failed' ELSE '' END
    AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.apis,
  d.surprise AS surprise_nats,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_api
FROM days AS d
JOIN calls AS c
  ON c.actor = d.actor AND c.event_date = d.event_date AND array_has(d.apis, c.event_source || ':' || c.api)
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND d.surprise >= $min_surprise
GROUP BY d.first_time, d.actor, d.account_id, d.apis, d.surprise, d.known_since, d.active_days, d.new_days
