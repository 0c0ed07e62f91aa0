/*
title      = "One error of one API comes far more often than in the week before"
severity   = "low"
confidence = "low"
attack     = ["T1580", "T1526", "T1110"]
why        = "A wall that many calls run into at once shows in the rate of one error, whoever makes the calls: what CloudTrail Insights calls an API error rate insight."
benign     = ["A broken release or a policy that was tightened", "A service that asks for less speed"]
respond    = ["See who made the calls and whether one of them succeeded", "Compare the callers with those of the week before: queries/insights.sql"]
[params]
min_nats  = { default = 10.0, min = 3.0, help = "surprise of the hour's count: 10 nats are one in 20 thousand" }
min_calls = { default = 15, min = 1, help = "hours with fewer failed calls are not judged" }
burst     = { default = 10.0, min = 1.0, help = "failures that come together, from retries or a loop: smallest ratio of variance to mean" }
warm_up_hours = { default = 48, min = 1, max = 168, help = "hours of history an account needs before it can be judged" }
*/
WITH recorded AS (
  SELECT * FROM hourly_api_use
  WHERE hour < $to AND event_date >= CAST($from AS DATE) - INTERVAL '7 days'
),
-- What had an hour within the window that is worth a look.
series AS MATERIALIZED (
  SELECT DISTINCT account_id, aws_region, event_source, event_name, error_code
  FROM (
    SELECT account_id, aws_region, event_source, event_name, error_code, hour
    FROM hourly_api_use
    WHERE event_date >= CAST($from AS DATE) AND hour < $to AND error_code IS NOT NULL
    GROUP BY account_id, aws_region, event_source, event_name, error_code, hour
    HAVING sum(calls) >= $min_calls
  )
),
hourly AS MATERIALIZED (
  SELECT
    r.account_id, r.aws_region, r.event_source, r.event_name, r.error_code, r.hour,
    CAST(sum(r.calls) AS DOUBLE) AS calls,
    min(r.first_time) AS first_time,
    max(r.last_time) AS last_time
  FROM series AS s
  JOIN recorded AS r ON s.account_id = r.account_id AND s.aws_region = r.aws_region AND s.event_source = r.event_source AND s.event_name = r.event_name AND s.error_code = r.error_code
  WHERE r.error_code IS NOT NULL
  GROUP BY r.account_id, r.aws_region, r.event_source, r.event_name, r.error_code, r.hour
),
-- Silence counts from the account's first record on: an error that was never met has a baseline of nothing.
anchored AS (
  SELECT * FROM hourly
  UNION ALL
  SELECT s.account_id, s.aws_region, s.event_source, s.event_name, s.error_code, b.hour, CAST(NULL AS DOUBLE), NULL, NULL
  FROM (SELECT DISTINCT account_id, aws_region, event_source, event_name, error_code FROM hourly) AS s
  JOIN (SELECT account_id, min(hour) AS hour FROM recorded GROUP BY account_id) AS b ON b.account_id = s.account_id
),
-- The 7 days before, as Insights has it.
judged AS (
  SELECT
    *,
    filled_baseline(calls, CAST(floor(to_unixtime(hour) / 3600) AS BIGINT), 168)
      OVER (PARTITION BY account_id, aws_region, event_source, event_name, error_code ORDER BY hour) AS past
  FROM anchored
),
-- One failure more than were seen, so that the first of its kind can be compared with something.
expected AS (
  SELECT *, past['n'] AS hours_before, past['mean'] AS mean, past['mean'] + 1.0 / past['n'] AS rate, past['variance'] AS variance
  FROM judged
  WHERE hour >= $from AND calls >= $min_calls AND past['n'] >= $warm_up_hours
),
scored AS (
  SELECT *, negative_binomial_surprise(calls, rate, greatest(variance, rate * $burst)) AS nats
  FROM expected
),
days AS MATERIALIZED (
  SELECT
    account_id, aws_region, event_source, event_name, error_code, CAST(hour AS DATE) AS event_date,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(*) AS hours,
    max(calls) AS most_calls,
    max(nats) AS nats,
    first_value(mean ORDER BY nats DESC) AS mean,
    first_value(hours_before ORDER BY nats DESC) AS hours_before,
    array_agg(hour) AS loud_hours
  FROM scored
  WHERE nats >= $min_nats
  GROUP BY account_id, aws_region, event_source, event_name, error_code, CAST(hour AS DATE)
),
-- By caller first, to name who failed most.
callers AS (
  SELECT
    d.account_id, d.aws_region, d.event_source, d.event_name, d.error_code, d.event_date, e.actor, count(*) AS calls
  FROM days AS d
  JOIN events AS e ON e.account_id = d.account_id AND e.aws_region = d.aws_region AND e.event_source = d.event_source
    AND e.event_name = d.event_name AND e.error_code = d.error_code AND e.event_date = d.event_date
  WHERE e.event_time >= $from AND e.event_time < $to
    AND array_has(d.loud_hours, date_trunc('hour', e.event_time))
  GROUP BY d.account_id, d.aws_region, d.event_source, d.event_name, d.error_code, d.event_date, e.actor
),
named AS (
  SELECT account_id, aws_region, event_source, event_name, error_code, event_date,
    count(*) AS actors,
    first_value(actor ORDER BY calls DESC, actor) AS actor
  FROM callers
  GROUP BY account_id, aws_region, event_source, event_name, error_code, event_date
)
SELECT
  d.first_time,
  d.last_time,
  'account' AS entity_type,
  d.account_id AS entity,
  d.account_id,
  d.aws_region AS region,
  1.0 - exp(-d.nats / 50.0) AS score,
  d.error_code || ' from ' || d.event_source || ':' || d.event_name || ' in ' || d.aws_region || ': ' || round(d.most_calls / 60.0, 2)
    || ' a minute over an hour; the ' || d.hours_before || ' hours before had ' || round(d.mean / 60.0, 4) || '; most of them by '
    || coalesce(n.actor, 'nobody named') AS summary,
  evidence(e.event_id, e.event_time) AS evidence,
  count(*) AS events,
  d.aws_region || ' ' || d.event_source || ':' || d.event_name || ' ' || d.error_code AS key,
  n.actor,
  n.actors AS callers,
  d.hours AS hours_above,
  d.nats AS surprise_nats,
  d.most_calls / 60.0 AS errors_per_minute,
  d.mean / 60.0 AS baseline_errors_per_minute,
  d.hours_before AS baseline_hours
FROM days AS d
JOIN named AS n ON n.account_id = d.account_id AND n.aws_region = d.aws_region AND n.event_source = d.event_source
  AND n.event_name = d.event_name AND n.error_code = d.error_code AND n.event_date = d.event_date
JOIN events AS e ON e.account_id = d.account_id AND e.aws_region = d.aws_region AND e.event_source = d.event_source
  AND e.event_name = d.event_name AND e.error_code = d.error_code AND e.event_date = d.event_date
WHERE e.event_time >= $from AND e.event_time < $to
  AND array_has(d.loud_hours, date_trunc('hour', e.event_time))
GROUP BY d.first_time, d.last_time, d.account_id, d.aws_region, d.event_source, d.event_name, d.error_code, d.most_calls, d.hours,
  d.hours_before, d.mean, d.nats, n.actor, n.actors
