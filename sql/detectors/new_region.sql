/*
title      = "Changes in a region the account has not used"
severity   = "medium"
confidence = "medium"
attack     = ["T1535", "T1578.002", "T1496"]
why        = "Attackers mine and hide in regions where nobody looks."
benign     = ["A planned expansion", "A service that needs one region, such as us-east-1 for certificates"]
respond    = [
  "owner of the workload: see what was created there and remove it if nobody requested it",
  "IAM administrator: deny unused regions by policy",
]
[params]
many_launches = { default = 5, min = 1, help = """\
  calls that launch instances there within a day that are more than a trial""" }
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an account needs to be evaluated" }
*/
WITH regions AS (
  SELECT
    account_id, aws_region,
    min(event_date) AS region_since,
    min(min(event_date)) OVER (PARTITION BY account_id) AS account_since
  FROM hourly_region
  WHERE regional_changes > 0 AND event_date < CAST($to AS DATE)
  GROUP BY account_id, aws_region
),
opened AS MATERIALIZED (
  SELECT * FROM regions WHERE region_since >= CAST($from AS DATE)
),
changed AS (
  SELECT
    account_id, aws_region, actor, event_date, first_time, last_time, changes, failures,
    CASE WHEN in_api_list('launches_instances', event_source, api) THEN calls ELSE 0 END AS launches,
    CASE WHEN in_api_list('launches_instances', event_source, api) THEN calls - failures ELSE 0 END AS launches_done
  FROM daily_api_use
  WHERE changes > 0
    AND is_regional(event_source, aws_region)
    AND event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
),
folded AS (
  SELECT
    c.account_id, c.actor, c.event_date, o.account_since,
    min(c.first_time) AS first_time,
    max(c.last_time) AS last_time,
    array_agg(DISTINCT c.aws_region ORDER BY c.aws_region) AS regions,
    sum(c.changes) AS calls,
    sum(c.failures) AS failures,
    sum(c.launches) AS launches,
    sum(c.launches_done) AS launches_done
  FROM opened AS o
  JOIN changed AS c ON c.account_id = o.account_id AND c.aws_region = o.aws_region AND c.event_date = o.region_since
  GROUP BY c.account_id, c.actor, c.event_date, o.account_since
)
SELECT
  f.first_time,
  f.last_time,
  'actor' AS entity_type,
  f.actor AS entity,
  f.account_id,
  f.regions[1] AS region,
  -- Scale: three regions; launches count for two.
  saturating_score(cardinality(f.regions) + CASE WHEN f.launches > 0 THEN 2.0 ELSE 0.0 END, 3.0) AS score,
  -- A disaster recovery test launches a few instances; cryptocurrency mining launches as many as possible.
  CASE WHEN f.launches >= $many_launches THEN 'high' ELSE 'low' END AS severity,
  f.actor || CASE WHEN f.failures = f.calls THEN ' tried to make changes in ' ELSE ' made changes in ' END
    || listed(f.regions, 6)
    || CASE WHEN f.launches_done > 0 THEN ', with ' || counted(f.launches_done, 'launch', 'launches') || ' of instances'
            ELSE '' END
    || also_failed(f.failures, f.calls)
    || '; new for account ' || f.account_id AS summary,
  evidence(c.event_id, c.event_time, c.aws_region) AS evidence,
  count(*) AS events,
  f.regions,
  f.launches,
  f.failures AS failed_calls,
  f.account_since AS baseline_since
FROM folded AS f
JOIN calls AS c ON c.actor = f.actor AND c.account_id = f.account_id AND c.event_date = f.event_date
  AND array_has(f.regions, c.aws_region)
WHERE NOT c.by_service
  AND c.is_change
  AND is_regional(c.event_source, c.aws_region)
  AND f.first_time >= $from
  AND c.event_time >= $from AND c.event_time < $to
  AND (date_part('epoch', f.first_time) - date_part('epoch', CAST(f.account_since AS TIMESTAMP))) / 86400.0
    >= $warm_up_days
GROUP BY f.first_time, f.last_time, f.actor, f.account_id, f.regions, f.launches, f.launches_done, f.failures, f.calls,
  f.account_since
