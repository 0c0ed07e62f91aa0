/*
title      = "Many different errors of one identity within an hour"
severity   = "low"
confidence = "medium"
attack     = ["T1580", "T1526"]
why        = """\
  A broken job repeats one error. Somebody who does not know the environment gets many: calls are denied, names are \
  wrong, resources do not exist."""
benign     = ["Somebody learning a new service", "A deployment that runs for the first time"]
respond    = [
  "Read the calls of the hour in order to see what was looked for",
  "Look for what succeeded after the failures",
]
chart      = { series = "error codes per hour", usual = ["codes_per_hour_with_failures", "most_codes_in_an_hour"] }
[params]
min_codes  = { default = 4, min = 2, help = "different error codes within one hour" }
min_nats   = { default = 6.0, min = 0.0, help = """\
  surprise of so many codes in an hour with failures, in nats: 6 nats are one in 400""" }
*/
-- Identities with enough codes in an hour of the clock and the one before: any 60 minutes are within two. Throttled
-- calls are left out: they say nothing about what the caller may do.
WITH hourly AS (
  SELECT account_id, actor, event_date, hour, count(DISTINCT error_code) AS codes
  FROM hourly_errors
  WHERE hour < $to AND event_date < CAST($to AS DATE) AND error_family <> 'throttled'
  GROUP BY account_id, actor, event_date, hour
),
candidates AS MATERIALIZED (
  SELECT DISTINCT account_id, actor
  FROM (
    SELECT account_id, actor, event_date, sum(codes) OVER two_hours AS codes
    FROM hourly
    WHERE event_date >= CAST($from AS DATE) - INTERVAL '1 day'
    WINDOW two_hours AS (
      PARTITION BY account_id, actor ORDER BY hour RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
  )
  WHERE event_date >= CAST($from AS DATE) AND codes >= $min_codes
),
failures AS MATERIALIZED (
  SELECT
    c.account_id, c.actor, c.event_date, c.event_time, c.event_id,
    coalesce(c.error_code, 'no code') AS error_code,
    c.event_source || ':' || c.api AS what
  FROM candidates AS k
  JOIN calls AS c ON c.account_id = k.account_id AND c.actor = k.actor
  WHERE NOT c.by_service
    AND c.failed AND c.error_family <> 'throttled'
    AND c.event_time >= $from - INTERVAL '1 hour' AND c.event_time < $to
),
counted_back AS (
  SELECT *, count(DISTINCT error_code) OVER past_hour AS codes
  FROM failures
  WINDOW past_hour AS (
    PARTITION BY account_id, actor ORDER BY event_time RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
),
-- The 60 minutes of each day with the most codes.
most AS MATERIALIZED (
  SELECT
    account_id, actor, event_date,
    max(codes) AS codes,
    first_value(event_time ORDER BY codes DESC, event_time) AS until
  FROM counted_back
  WHERE event_time >= $from
  GROUP BY account_id, actor, event_date
  HAVING max(codes) >= $min_codes
),
before AS (
  SELECT
    m.account_id, m.actor, m.event_date,
    count(h.hour) AS hours_before,
    coalesce(sum(h.codes), 0) AS codes_before,
    coalesce(max(h.codes), 0) AS most_before
  FROM most AS m
  LEFT JOIN hourly AS h ON h.account_id = m.account_id AND h.actor = m.actor AND h.event_date < m.event_date
  GROUP BY m.account_id, m.actor, m.event_date
),
-- An hour with a failure has at least one code, so further codes are counted. The prior is one more code in four hours.
scored AS (
  SELECT
    m.*, b.hours_before, b.most_before,
    (b.codes_before - b.hours_before + 1.0) / (b.hours_before + 4.0) AS rate
  FROM most AS m
  JOIN before AS b ON b.account_id = m.account_id AND b.actor = m.actor AND b.event_date = m.event_date
  WHERE m.codes > b.most_before
),
found AS (
  SELECT *, poisson_surprise(codes - 1, rate) AS nats FROM scored
),
calls_of_hour AS (
  SELECT
    d.account_id, d.actor, d.event_date,
    min(f.event_time) AS first_time,
    max(f.event_time) AS last_time,
    count(*) AS failures,
    array_distinct(array_agg(f.error_code ORDER BY f.event_time, f.event_id)) AS error_codes,
    count(DISTINCT f.what) AS apis_failed,
    evidence(f.event_id, f.event_time) AS evidence
  FROM found AS d
  JOIN failures AS f ON f.account_id = d.account_id AND f.actor = d.actor
    AND f.event_time <= d.until AND f.event_time >= d.until - INTERVAL '1 hour'
  WHERE d.nats >= $min_nats AND f.event_time >= $from
  GROUP BY d.account_id, d.actor, d.event_date
)
SELECT
  c.first_time,
  c.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 12 nats, twice the least that is reported.
  saturating_score(d.nats, 12.0) AS score,
  d.actor || ' got ' || d.codes || ' different errors within an hour, in '
    || counted(c.failures, 'failed call', 'failed calls') || ': ' || listed(c.error_codes, 4)
    || '; previous maximum: ' || d.most_before || ' ('
    || counted(d.hours_before, 'hour', 'hours') || ' with failures)' AS summary,
  c.evidence,
  c.failures AS events,
  c.error_codes,
  c.failures,
  c.apis_failed,
  d.nats AS surprise_nats,
  d.rate + 1.0 AS baseline_codes_per_hour_with_failures,
  d.most_before AS baseline_most_codes_in_an_hour,
  d.hours_before AS baseline_hours_with_failures
FROM found AS d
JOIN calls_of_hour AS c ON c.account_id = d.account_id AND c.actor = d.actor AND c.event_date = d.event_date
