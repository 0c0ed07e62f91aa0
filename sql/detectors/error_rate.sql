/*
title      = "Far more failed calls than this identity ever had"
severity   = "low"
confidence = "medium"
attack     = ["T1580", "T1526"]
why        = "Somebody who does not know the environment makes many calls that fail."
benign     = ["A broken release or a policy that was tightened", "A resource that was deleted while a job used it"]
respond    = ["See which APIs failed and with what", "Look for the first success after the failures"]
chart      = { series = "failures per day", observed = "failures" }
[params]
min_failures = { default = 10, min = 1, help = "days with fewer failed calls are not evaluated" }
min_z        = { default = 6.0, min = 2.0, help = "standard deviations above the expected number of failures" }
warm_up_days = { default = 5, min = 1, max = 90, help = """\
  active days of history an identity needs to be evaluated""" }
*/
WITH candidates AS MATERIALIZED (
  SELECT DISTINCT actor, account_id
  FROM daily_activity
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE) AND failures >= $min_failures
),
daily AS (
  SELECT a.actor, a.account_id, a.event_date, a.calls, a.failures
  FROM candidates AS c
  JOIN daily_activity AS a ON a.actor = c.actor AND a.account_id = c.account_id
  WHERE a.event_date < CAST($to AS DATE)
),
judged AS (
  SELECT
    *,
    count(*) OVER before AS days_before,
    coalesce(sum(calls) OVER before, 0) AS calls_before,
    coalesce(sum(failures) OVER before, 0) AS failures_before
  FROM daily
  WINDOW before AS (
    PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- The past rate of failures, with a prior of one failure in fifty calls; the spread is that of a binomial count.
rated AS (
  SELECT *, (failures_before + 1.0) / (calls_before + 50.0) AS rate
  FROM judged
),
scored AS MATERIALIZED (
  SELECT *
  FROM (SELECT *, (failures - calls * rate) / sqrt(greatest(calls * rate * (1.0 - rate), 1.0)) AS z FROM rated)
  WHERE event_date >= CAST($from AS DATE)
    AND failures >= $min_failures
    AND z >= $min_z
    AND days_before >= $warm_up_days
)
SELECT
  min(c.event_time) AS first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  s.actor AS entity,
  s.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 15 standard deviations.
  saturating_score(s.z, 15.0) AS score,
  s.actor || ' had ' || counted(s.failures, 'failed call', 'failed calls') || ' of '
    || counted(count(DISTINCT c.event_source || ':' || c.api), 'API', 'APIs') || ', among '
    || counted(s.calls, 'call', 'calls') || '; expected: '
    || CAST(round(s.calls * s.rate, 1) AS VARCHAR) || ' (from ' || counted(s.days_before, 'day', 'days') || ')'
    AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  s.failures,
  s.calls,
  count(DISTINCT c.event_source || ':' || c.api) AS apis_failed,
  s.z,
  s.rate AS baseline_failure_rate,
  s.calls_before AS baseline_calls,
  s.days_before AS baseline_days
FROM scored AS s
JOIN calls AS c ON c.actor = s.actor AND c.account_id = s.account_id AND c.event_date = s.event_date
WHERE NOT c.by_service
  AND c.failed
  AND (c.error_family IS DISTINCT FROM 'throttled')
  AND c.event_time >= $from AND c.event_time < $to
GROUP BY s.actor, s.account_id, s.event_date, s.failures, s.calls, s.z, s.rate, s.calls_before, s.days_before
