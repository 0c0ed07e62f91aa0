/*
title      = "First use of a secret, bucket, key, role, function or instance type by this identity"
severity   = "low"
confidence = "low"
attack     = ["T1552", "T1530"]
why        = "Somebody with stolen credentials uses resources that their owner never needed."
benign     = ["A new project", "A resource that was created this week"]
respond    = ["Ask the owner what they needed it for", "Read the identity's page: trailhunt entity"]
[params]
warm_up_days = { default = 14, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
active_days  = { default = 10, min = 1, help = "active days an identity needs to be evaluated" }
min_new      = { default = 3, min = 1, help = """\
  new resources in a day that make the finding medium, for an identity that never used new ones""" }
min_surprise = { default = 6.0, min = 0.0, help = """\
  minimum surprise of the new resources of a day, for identities that used new ones before, in nats""" }
*/
-- Resources that nobody used before are left out: they were just created.
WITH days AS MATERIALIZED (
  SELECT *, rarity_max + steadiness AS surprise, CAST(cardinality(items) AS BIGINT) AS resources_new
  FROM first_times('target', $from, $to, $warm_up_days, TRUE)
  WHERE active_days >= $active_days
    AND (new_days = 0 OR rarity_max + steadiness >= $min_surprise)
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 8 nats, a little more than the least that is reported.
  saturating_score(d.surprise, 8.0) AS score,
  -- For an identity that always used the same resources, such as a job.
  CASE WHEN d.new_days = 0 AND d.resources_new >= $min_new THEN 'medium' ELSE 'low' END AS severity,
  d.actor || ' used ' || counted(d.resources_new, 'resource', 'resources') || ' for the first time: '
    || listed(d.items, 3)
    || '; something new on ' || d.new_days || ' of ' || counted(d.active_days, 'day', 'days') || ' before' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  array_slice(d.items, 1, 20) AS resources,
  d.resources_new,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_resource
FROM days AS d
JOIN targeted_calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  AND array_has(d.items, c.kind || ' ' || c.target)
WHERE c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.actor, d.account_id, d.items, d.resources_new, d.surprise, d.known_since, d.active_days,
  d.new_days
