/*
title      = "Far more calls in an hour than this identity ever made"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1530", "T1526"]
why        = "Copying data or exploring with a script shows up first as a high number of calls."
benign     = ["A migration, a backfill or a load test", "A retry loop"]
respond    = ["Find out which APIs and resources the calls were about", "Ask the owner what ran in that hour"]
chart      = { series = "successful calls per hour", usual = ["median_calls_per_hour", "mean_calls_per_hour"] }
[params]
min_z       = { default = 6.0, min = 2.0, help = "robust z-score of ln(1 + calls in the hour)" }
min_nats    = { default = 12.0, min = 0.0, help = """\
  surprise of the hour's count given how bursty earlier hours were, in nats: 12 nats are one in 160 thousand""" }
burst       = { default = 10.0, min = 1.0, help = """\
  minimum ratio of variance to mean, because calls of a script or a batch come in bursts""" }
min_calls   = { default = 100, min = 1, help = "hours with fewer calls are not evaluated" }
min_hours   = { default = 12, min = 3, help = "active hours of history an identity needs to be evaluated" }
lookback    = { default = 336, min = 24, max = 2000, help = "active hours of history that an hour is compared with" }
spread_floor = { default = 0.5, min = 0.05, help = "minimum spread, in ln(calls): 0.5 is a factor of 1.6" }
*/
WITH candidates AS MATERIALIZED (
  SELECT actor, account_id
  FROM hourly_activity
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
    AND calls - failures >= $min_calls
  UNION
  SELECT actor, account_id
  FROM hourly_aggregated_calls
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
    AND calls >= $min_calls
),
-- Identities that call from a network they have used for less than a week, or with a client they never used.
changed AS (
  SELECT DISTINCT actor, event_date FROM unfamiliar($from, $to) WHERE kind = 'asn'
  UNION
  SELECT actor, event_date
  FROM novelties
  WHERE kind = 'user_agent' AND event_date >= CAST($from AS DATE) AND first_time < $to
),
-- Failed calls are left out: a job that is denied and retries makes many calls but gets nothing. Calls that only
-- summaries of data events state count too; an hour in both is in the summaries with the larger number.
hourly AS (
  SELECT
    h.actor, h.account_id, h.hour,
    max(h.calls) AS calls,
    min(h.first_time) AS first_time,
    max(h.last_time) AS last_time,
    bool_or(h.is_summarised) AS is_summarised
  FROM (
    SELECT actor, account_id, event_date, hour, calls - failures AS calls, first_time, last_time, FALSE AS is_summarised
    FROM hourly_activity
    UNION ALL
    SELECT actor, account_id, event_date, hour, calls, first_time, last_time, TRUE AS is_summarised
    FROM hourly_aggregated_calls
  ) AS h
  JOIN candidates AS c ON c.actor = h.actor AND c.account_id = h.account_id
  WHERE h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.hour
),
-- Compared with active hours only: how much it does when it does something.
judged AS (
  SELECT
    *,
    baseline(ln(1.0 + calls), $lookback) OVER (PARTITION BY actor, account_id ORDER BY hour) AS past,
    baseline(CAST(calls AS DOUBLE), $lookback) OVER (PARTITION BY actor, account_id ORDER BY hour) AS past_calls
  FROM hourly
),
scored AS (
  SELECT
    *,
    past['n'] AS hours_before,
    exp(past['median']) - 1.0 AS median_calls,
    robust_z_score(ln(1.0 + calls), past['median'], past['mad'], $spread_floor) AS z,
    -- A median ignores one large batch a day; mean and variance do not.
    past_calls['mean'] AS mean_calls,
    negative_binomial_surprise(calls, past_calls['mean'],
      greatest(past_calls['stddev'] * past_calls['stddev'], $burst * past_calls['mean'])) AS nats
  FROM judged
),
days AS MATERIALIZED (
  SELECT
    actor, account_id, CAST(hour AS DATE) AS event_date,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(*) AS hours,
    max(calls) AS most_calls,
    max(z) AS z,
    max(nats) AS nats,
    first_value(mean_calls ORDER BY z DESC) AS mean_calls,
    first_value(median_calls ORDER BY z DESC) AS median_calls,
    first_value(hours_before ORDER BY z DESC) AS hours_before,
    bool_or(is_summarised) AS is_summarised,
    array_agg(hour) AS loud_hours
  FROM scored
  WHERE hour >= $from
    AND hours_before >= $min_hours
    AND calls >= $min_calls
    AND z >= $min_z
    AND nats >= $min_nats
  GROUP BY actor, account_id, CAST(hour AS DATE)
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: a robust z-score of 10.
  saturating_score(d.z, 10.0) AS score,
  -- Workloads have peak hours. A person's peak is a script: their own, or, from another place or with another client,
  -- one of whoever has their credentials.
  CASE WHEN is_machine(d.actor) OR d.actor NOT LIKE 'arn:%' OR n.actor IS NULL THEN 'low' ELSE 'medium' END AS severity,
  -- The owner's own script says nothing about what else they did that day.
  CASE WHEN n.actor IS NOT NULL OR is_machine(d.actor) THEN 'medium' ELSE 'low' END AS joined_severity,
  d.actor || ' made ' || counted(d.most_calls, 'call', 'calls') || ' in an hour; median of its active hours: '
    || CAST(round(d.median_calls) AS BIGINT) || ' (mean ' || round(d.mean_calls, 1) || ', '
    || counted(d.hours_before, 'hour', 'hours') || ')'
    || CASE WHEN d.is_summarised THEN '; at least so many, from aggregated events' ELSE '' END AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.hours AS hours_above,
  n.actor IS NOT NULL AS from_a_new_place_or_client,
  d.z AS robust_z,
  d.nats AS surprise_nats,
  d.mean_calls AS baseline_mean_calls_per_hour,
  d.median_calls AS baseline_median_calls_per_hour,
  d.hours_before AS baseline_hours
FROM days AS d
LEFT JOIN changed AS n ON n.actor = d.actor AND n.event_date = d.event_date
JOIN (
  SELECT actor, account_id, event_date, event_id, event_time, FALSE AS is_summarised
  FROM calls
  WHERE NOT by_service AND event_time >= $from AND event_time < $to
  UNION ALL
  SELECT actor, account_id, event_date, event_id, event_time, TRUE AS is_summarised
  FROM aggregated_calls
  WHERE event_time >= $from AND event_time < $to
) AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
WHERE (d.is_summarised OR NOT c.is_summarised)
  AND array_has(d.loud_hours, date_trunc('hour', c.event_time))
GROUP BY d.first_time, d.last_time, d.actor, d.account_id, d.hours, d.z, d.nats, d.most_calls, d.mean_calls,
  d.median_calls, d.hours_before, d.is_summarised, n.actor
