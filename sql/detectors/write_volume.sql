/*
title      = "Far more changes in an account in an hour than ever before"
severity   = "low"
confidence = "low"
attack     = ["T1485", "T1496", "T1578"]
why        = "Destroying or launching in bulk raises the number of changes, even if many identities share the work."
benign     = ["A migration, a new environment, a clean-up", "A large release"]
respond    = ["See which APIs and identities made the changes of the hour", "Ask the owners of the account what ran"]
chart      = { series = "changes per hour", usual = ["mean_changes_per_hour", "mean_changes_same_hour_of_week"] }
[params]
min_nats    = { default = 6.0, min = 3.0, help = """\
  surprise of the hour's count of changes, in nats: 6 nats are one in 400""" }
min_changes = { default = 30, min = 1, help = "hours with fewer changes are not evaluated" }
burst       = { default = 10.0, min = 1.0, help = """\
  minimum ratio of variance to mean, because changes of a script or a deployment come in bursts""" }
warm_up_hours = { default = 168, min = 24, max = 672, help = """\
  hours of history an account needs to be evaluated""" }
*/
-- Changes that services make for somebody are left out.
WITH hourly AS (
  SELECT
    account_id, hour,
    CAST(floor(to_unixtime(hour) / 3600) AS BIGINT) AS bin,
    CAST(sum(changes) AS DOUBLE) AS changes,
    min(first_time) AS first_time,
    max(last_time) AS last_time
  FROM hourly_region
  WHERE hour < $to AND event_date >= CAST($from AS DATE) - INTERVAL '56 days'
  GROUP BY account_id, hour
),
-- Compared with all hours of the 4 weeks before, and with the same hour of the week in the 8 weeks before: work follows
-- a weekly rhythm, but eight hours are too few to measure bursts.
judged AS (
  SELECT
    *,
    filled_baseline(changes, bin, 672) OVER (PARTITION BY account_id ORDER BY bin) AS past,
    filled_baseline(changes, CAST(floor((bin + 72) / 168) AS BIGINT), 8) OVER (
      PARTITION BY account_id, hour_of_week(hour) ORDER BY CAST(floor((bin + 72) / 168) AS BIGINT)) AS same_hour
  FROM hourly
),
expected AS (
  SELECT
    *,
    past['n'] AS hours_before,
    past['mean'] AS mean,
    coalesce(same_hour['mean'], 0.0) AS same_hour_mean,
    -- The larger of the two means, with one change added so that it is above 0.
    greatest(past['mean'], coalesce(same_hour['mean'], 0.0)) + 1.0 / past['n'] AS rate,
    greatest(past['variance'], coalesce(same_hour['variance'], 0.0)) AS variance
  FROM judged
  WHERE hour >= $from AND changes >= $min_changes AND past['n'] >= $warm_up_hours
),
scored AS (
  SELECT *, negative_binomial_surprise(changes, rate, greatest(variance, rate * $burst)) AS nats
  FROM expected
),
days AS MATERIALIZED (
  SELECT
    account_id, CAST(hour AS DATE) AS event_date,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(*) AS hours,
    max(nats) AS nats,
    first_value(hour ORDER BY nats DESC, hour) AS loudest_hour,
    CAST(first_value(changes ORDER BY nats DESC, hour) AS BIGINT) AS changes,
    first_value(mean ORDER BY nats DESC, hour) AS mean,
    first_value(same_hour_mean ORDER BY nats DESC, hour) AS same_hour_mean,
    first_value(hours_before ORDER BY nats DESC, hour) AS hours_before,
    array_agg(hour) AS loud_hours
  FROM scored
  WHERE nats >= $min_nats
  GROUP BY account_id, CAST(hour AS DATE)
),
callers AS (
  SELECT d.account_id, d.event_date, count(*) AS identities
  FROM days AS d
  JOIN hourly_activity AS a ON a.account_id = d.account_id AND a.event_date = d.event_date AND a.hour = d.loudest_hour
  WHERE a.changes > 0 AND a.hour < $to
  GROUP BY d.account_id, d.event_date
)
SELECT
  d.first_time,
  d.last_time,
  'account' AS entity_type,
  d.account_id AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 40 nats, almost seven times the least that is reported.
  saturating_score(d.nats, 40.0) AS score,
  'account ' || d.account_id || ' had ' || counted(d.changes, 'change', 'changes') || ' by '
    || counted(w.identities, 'identity', 'identities') || ' in an hour; mean per hour: ' || round(d.mean, 1)
    || ', in this hour of the week: ' || round(d.same_hour_mean, 1) || ' (' || counted(d.hours_before, 'hour', 'hours')
    || ' of history)' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.hours AS hours_above,
  d.nats AS surprise_nats,
  d.mean AS baseline_mean_changes_per_hour,
  d.same_hour_mean AS baseline_mean_changes_same_hour_of_week,
  d.hours_before AS baseline_hours
FROM days AS d
JOIN callers AS w ON w.account_id = d.account_id AND w.event_date = d.event_date
JOIN calls AS c ON c.account_id = d.account_id AND c.event_date = d.event_date
WHERE NOT c.by_service
  AND c.is_change
  AND c.event_time >= $from AND c.event_time < $to
  AND array_has(d.loud_hours, date_trunc('hour', c.event_time))
GROUP BY d.first_time, d.last_time, d.account_id, d.changes, w.identities, d.hours, d.nats, d.mean, d.same_hour_mean,
  d.hours_before
