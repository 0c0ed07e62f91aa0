/*
title      = "Service used for the first time by this identity"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1526"]
why        = "Stolen credentials reach for services their owner never touched."
benign     = ["A new project or new duties", "A first look around in the console"]
respond    = ["Ask the owner whether they began to use the service that day"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an identity needs before it can be judged" }
min_surprise = { default = 4.0, min = 0.0, help = "nats; an identity's day whose new services are less surprising together is left out" }
*/
WITH days AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    max(identities_before) AS identities_before,
    min(users_before) AS users_before,
    array_agg(item ORDER BY rarity DESC, item) AS services,
    sum(rarity) + max(steadiness) AS surprise
  FROM novelties
  WHERE kind = 'event_source'
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
    AND history_days >= $warm_up_days
  GROUP BY actor, account_id, event_date
  HAVING sum(rarity) + max(steadiness) >= $min_surprise
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-d.surprise / 10.0) AS score,
  -- A sign and no act: what is done there says more.
  'low' AS joined_severity,
  d.actor || ' used ' || CASE WHEN cardinality(d.services) = 1 THEN d.services[1] || ' for the first time'
    ELSE cardinality(d.services) || ' services for the first time: ' || array_to_string(array_slice(d.services, 1, 4), ', ') END
    || '; ' || d.users_before || ' of ' || d.identities_before || ' identities had before' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.services,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_service
FROM days AS d
JOIN calls AS c ON c.actor = d.actor AND c.event_date = d.event_date AND array_has(d.services, c.event_source)
WHERE NOT c.by_service AND c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.actor, d.account_id, d.services, d.users_before, d.identities_before, d.surprise,
  d.known_since, d.active_days, d.new_days
