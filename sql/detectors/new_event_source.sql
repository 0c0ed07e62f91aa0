/*
title      = "Service used for the first time by this identity"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1526"]
why        = "Somebody with stolen credentials uses services that their owner never used."
benign     = ["A new project or new duties", "A first look around in the console"]
respond    = ["Ask the owner whether they began to use the service that day"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
min_surprise = { default = 4.0, min = 0.0, help = """\
  minimum surprise of all new services of a day together, in nats""" }
many         = { default = 10.0, min = 0.0, help = """\
  surprise from which the new services are an action of their own, in nats""" }
*/
WITH days AS MATERIALIZED (
  SELECT *, rarity_sum + steadiness AS surprise
  FROM first_times('event_source', $from, $to, $warm_up_days, FALSE)
  WHERE rarity_sum + steadiness >= $min_surprise
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 10 nats, two and a half times the least that is reported.
  saturating_score(d.surprise, 10.0) AS score,
  -- What is done with the service says more than its first use, unless there are many at once.
  CASE WHEN d.surprise < $many THEN 'low' END AS joined_severity,
  d.actor || CASE WHEN bool_and(c.failed) THEN ' tried to use ' ELSE ' used ' END || listed(d.items, 4)
    || ' for the first time' || also_failed(count(*) FILTER (WHERE c.failed), count(*))
    || '; ' || d.users_before || ' of ' || counted(d.identities_before, 'identity', 'identities') || ' did so before'
    AS summary,
  evidence(c.event_id, c.event_time, c.event_source) AS evidence,
  count(*) AS events,
  d.items AS services,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_service
FROM days AS d
JOIN calls AS c ON c.actor = d.actor AND c.event_date = d.event_date AND array_has(d.items, c.event_source)
WHERE NOT c.by_service AND c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.actor, d.account_id, d.items, d.users_before, d.identities_before, d.surprise,
  d.known_since, d.active_days, d.new_days
