/*
title      = "First instances launched by an identity, or of an instance family"
severity   = "medium"
confidence = "medium"
attack     = ["T1496", "T1578.002"]
why        = "Attackers often launch instances with stolen credentials first, to mine cryptocurrency."
benign     = ["A new workload or a load test", "A data science team that gets its first accelerators"]
respond    = [
  "owner of the workload: terminate instances that nobody requested, in every region",
  "See what else the identity did that day",
]
chart      = { observed = "instances", usual = ["most_instances_a_day"] }
[params]
min_vcpu_class = { default = 8, min = 1, help = "minimum size of a large instance, as a multiple of xlarge" }
excess         = { default = 2.0, min = 1.0, help = """\
  instances of the day as a multiple of the account's previous maximum""" }
*/
WITH judged AS (
  SELECT
    *,
    count(*) OVER (
      PARTITION BY account_id, actor ORDER BY event_date
      RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING) AS actor_before,
    count(*) OVER (
      PARTITION BY account_id, family ORDER BY event_date
      RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING) AS family_before,
    coalesce(max(instances) OVER (
      PARTITION BY account_id ORDER BY event_date
      RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING), 0) AS most_before
  FROM daily_launches
  WHERE event_date < CAST($to AS DATE)
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  regions[1] AS region,
  -- Scale: ln(1 + instances) + ln(1 + size) = 3, such as four xlarge and more than two accelerators.
  saturating_score(ln(1.0 + instances) + ln(1.0 + xlarges) + CASE WHEN accelerated THEN 1.0 ELSE 0.0 END, 3.0) AS score,
  -- As many as the account launched in a day before are a trial or a replacement.
  CASE WHEN instances <= most_before THEN 'low'
       WHEN family_before = 0 AND (accelerated OR xlarges >= $min_vcpu_class) THEN 'medium'
       WHEN actor_before = 0 AND instances > $excess * most_before AND most_before > 0 THEN 'medium'
       ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to launch ' ELSE ' launched ' END
    || counted(instances, 'instance', 'instances') || ' of '
    || coalesce(listed(instance_types, 3), 'an unnamed type') || ' in '
    || coalesce(array_to_string(regions, ', '), 'no region')
    || also_failed(failures, calls)
    || CASE WHEN actor_before = 0 THEN '; its first launch' ELSE '' END
    || CASE WHEN family_before = 0 THEN '; the account''s first instances of this family' ELSE '' END AS summary,
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
