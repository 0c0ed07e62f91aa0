/*
title      = "Instances launched by an identity, or of a size, that never was"
severity   = "medium"
confidence = "medium"
attack     = ["T1496", "T1578.002"]
why        = "Stolen credentials are turned into computing power first of all."
benign     = ["A new workload or a load test", "A data science team that gets its first accelerators"]
respond    = ["Terminate what nobody asked for, in every region", "Look at what else the identity did that day"]
[params]
many_instances = { default = 8, min = 1, help = "instances asked for within a day, from which it is more than a trial" }
min_vcpu_class = { default = 8, min = 1, help = "size class, in multiples of xlarge, from which an instance is big" }
*/
WITH judged AS (
  SELECT
    *,
    count(*) OVER (PARTITION BY account_id, actor ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS actor_before,
    count(*) OVER (PARTITION BY account_id, family ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS family_before,
    coalesce(max(instances) OVER (PARTITION BY account_id ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS most_before
  FROM (SELECT *, CAST(to_unixtime(event_date) / 86400 AS BIGINT) AS day FROM daily_launches WHERE event_date < CAST($to AS DATE))
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  regions[1] AS region,
  1.0 - exp(-(ln(1.0 + instances) + ln(1.0 + xlarges) + CASE WHEN accelerated THEN 1.0 ELSE 0.0 END) / 3.0) AS score,
  CASE WHEN family_before = 0 AND (accelerated OR xlarges >= $min_vcpu_class) AND instances >= $many_instances THEN 'medium'
       WHEN actor_before = 0 AND instances > 2 * most_before AND most_before > 0 AND instances >= $many_instances THEN 'medium'
       ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to launch ' ELSE ' launched ' END || instances || ' instances of '
    || coalesce(array_to_string(array_slice(instance_types, 1, 3), ', '), 'an unnamed type') || ' in ' || coalesce(array_to_string(regions, ', '), 'no region')
    || CASE WHEN actor_before = 0 THEN '; it never launched any before' ELSE '' END
    || CASE WHEN family_before = 0 THEN '; the account had none of the family' ELSE '' END
    || CASE WHEN failures > 0 AND failures < calls THEN '; ' || failures || ' of ' || calls || ' calls failed' ELSE '' END AS summary,
  evidence,
  calls AS events,
  family AS key,
  instance_types,
  regions,
  instances,
  accelerated,
  failures AS failed_calls,
  actor_before AS baseline_days_identity_launched,
  family_before AS baseline_days_family_launched,
  most_before AS baseline_most_instances_a_day
FROM judged
WHERE first_time >= $from
  AND (family_before = 0 OR actor_before = 0)
