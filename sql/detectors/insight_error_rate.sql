/*
title      = "Far more errors of one kind from one API in an hour than in the week before"
severity   = "low"
confidence = "low"
attack     = ["T1580", "T1526", "T1110"]
why        = """\
  Many calls that fail for the same reason raise the rate of that error, whoever makes the calls. CloudTrail Insights \
  calls this an API error rate insight."""
benign     = ["A broken release or a policy that was tightened", "A service that throttles its callers"]
respond    = [
  "See who made the calls and whether one of them succeeded",
  "Compare the callers with those of the week before: trailhunt query insights",
]
chart      = { observed = "errors_per_minute", usual = ["errors_per_minute"] }
[params]
min_nats  = { default = 10.0, min = 3.0, help = """\
  surprise of the hour's count, in nats: 10 nats are one in 20 thousand""" }
min_calls = { default = 15, min = 1, help = "hours with fewer failed calls are not evaluated" }
burst     = { default = 10.0, min = 1.0, help = """\
  minimum ratio of variance to mean, because failures of retries or a loop come in bursts""" }
warm_up_hours = { default = 48, min = 1, max = 168, help = "hours of history an account needs to be evaluated" }
*/
-- By the hour of the clock, the longest of the periods (a minute, five minutes, an hour) for which CloudTrail gives the
-- data points of its Insights (ListInsightsMetricData), so that both can be compared.
WITH days AS MATERIALIZED (
  SELECT * FROM insight_days('errors', $from, $to, $min_calls, $burst, $warm_up_hours, $min_nats)
),
-- The failed calls of the unusual hours.
made AS (
  SELECT d.account_id, d.series, d.event_date, e.actor, e.event_id, e.event_time
  FROM days AS d
  JOIN insight_events AS e ON e.account_id = d.account_id AND e.aws_region = d.aws_region
    AND e.event_source = d.event_source AND e.event_name = d.event_name AND e.error_code = d.error_code
    AND e.event_date = d.event_date
  WHERE e.kind = 'errors'
    AND e.event_time >= $from AND e.event_time < $to
    AND array_has(d.loud_hours, date_trunc('hour', e.event_time))
),
callers AS (
  SELECT account_id, series, event_date, count(*) AS callers, first_value(actor ORDER BY calls DESC, actor) AS actor
  FROM (
    SELECT account_id, series, event_date, actor, count(*) AS calls
    FROM made
    GROUP BY account_id, series, event_date, actor
  )
  GROUP BY account_id, series, event_date
),
proof AS (
  SELECT account_id, series, event_date, evidence(event_id, event_time) AS evidence, count(*) AS events
  FROM made
  GROUP BY account_id, series, event_date
)
SELECT
  d.first_time,
  d.last_time,
  'account' AS entity_type,
  d.account_id AS entity,
  d.account_id,
  d.aws_region AS region,
  -- Scale: 50 nats, five times the least that is reported.
  saturating_score(d.nats, 50.0) AS score,
  d.event_source || ':' || d.event_name || ' failed with ' || d.error_code || ' '
    || round(d.most_calls / 60.0, 2) || ' times per minute over an hour in ' || d.aws_region || ', mostly for '
    || coalesce(c.actor, 'an unnamed caller') || '; mean of the ' || counted(d.hours_before, 'hour', 'hours')
    || ' before: ' || round(d.mean / 60.0, 4) AS summary,
  p.evidence,
  p.events,
  d.series AS key,
  c.actor,
  c.callers,
  d.hours AS hours_above,
  d.nats AS surprise_nats,
  d.most_calls / 60.0 AS errors_per_minute,
  d.mean / 60.0 AS baseline_errors_per_minute,
  d.hours_before AS baseline_hours
FROM days AS d
JOIN callers AS c ON c.account_id = d.account_id AND c.series = d.series AND c.event_date = d.event_date
JOIN proof AS p ON p.account_id = d.account_id AND p.series = d.series AND p.event_date = d.event_date
