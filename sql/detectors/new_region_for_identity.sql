/*
title      = "Changes in a region new for this identity"
severity   = "low"
confidence = "low"
attack     = ["T1535", "T1078.004"]
why        = "The account uses the region, but the owner of the credentials never did."
benign     = ["A roll-out to the next region", "A colleague who helps out"]
respond    = ["See what was created there and who needs it"]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
min_active_days = { default = 5, min = 1, help = "active days an identity needs to be evaluated" }
min_surprise    = { default = 4.0, min = 0.0, help = """\
  minimum surprise of the new regions of a day, in nats""" }
*/
WITH changed AS (
  SELECT
    actor, account_id, event_date, aws_region,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    CAST(sum(changes) AS BIGINT) AS changes,
    CAST(sum(failures) AS BIGINT) AS failures
  FROM daily_api_use
  WHERE changes > 0
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
    AND is_regional(event_source, aws_region)
  GROUP BY actor, account_id, event_date, aws_region
),
-- Where the account changed things before: the detector new_region reports regions that are new for the account.
account_region AS (
  SELECT account_id, aws_region, min(event_date) AS since
  FROM hourly_region
  WHERE changes > 0 AND event_date < CAST($to AS DATE)
  GROUP BY account_id, aws_region
),
days AS MATERIALIZED (
  SELECT
    n.actor, n.account_id, n.event_date,
    min(c.first_time) AS first_time,
    max(c.last_time) AS last_time,
    CAST(sum(c.changes) AS BIGINT) AS changes,
    CAST(sum(c.failures) AS BIGINT) AS failures,
    array_agg(n.item ORDER BY n.item) AS regions,
    min(n.known_since) AS known_since,
    max(n.active_days) AS active_days,
    max(n.new_days) AS new_days,
    min(n.users_before) AS users_before,
    max(n.identities_before) AS identities_before,
    max(n.rarity) + max(n.steadiness) AS surprise
  FROM novelties AS n
  JOIN changed AS c ON c.actor = n.actor AND c.account_id = n.account_id AND c.event_date = n.event_date
    AND c.aws_region = n.item
  JOIN account_region AS a ON a.account_id = n.account_id AND a.aws_region = n.item AND a.since < n.event_date
  WHERE n.kind = 'region'
    AND n.event_date >= CAST($from AS DATE) AND n.first_time >= $from AND n.first_time < $to
    AND n.history_days >= $warm_up_days
    AND n.active_days >= $min_active_days
  GROUP BY n.actor, n.account_id, n.event_date
  HAVING max(n.rarity) + max(n.steadiness) >= $min_surprise
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  d.regions[1] AS region,
  -- Scale: 10 nats, two and a half times the least that is reported.
  saturating_score(d.surprise, 10.0) AS score,
  d.actor || CASE WHEN d.failures >= d.changes THEN ' tried to make changes in ' ELSE ' made changes in ' END
    || listed(d.regions, 4) || ' for the first time in ' || counted(d.active_days, 'active day', 'active days') || ': '
    || counted(CASE WHEN d.failures >= d.changes THEN d.changes ELSE d.changes - d.failures END, 'call', 'calls')
    || also_failed(d.failures, d.changes)
    || '; ' || d.users_before || ' of ' || counted(d.identities_before, 'identity', 'identities') || ' did so before'
    AS summary,
  evidence(c.event_id, c.event_time, c.aws_region) AS evidence,
  count(*) AS events,
  d.regions,
  d.changes,
  d.failures AS failed_calls,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_region
FROM days AS d
JOIN calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  AND array_has(d.regions, c.aws_region)
WHERE NOT c.by_service
  AND c.is_change
  AND is_regional(c.event_source, c.aws_region)
  AND c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.last_time, d.actor, d.account_id, d.regions, d.changes, d.failures, d.surprise, d.active_days,
  d.new_days, d.users_before, d.identities_before, d.known_since
