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
[params]
min_codes  = { default = 4, min = 2, help = "different error codes within one hour" }
min_nats   = { default = 6.0, min = 0.0, help = """\
  surprise of so many codes in an hour with failures, in nats: 6 nats are one in 400""" }
*/
WITH candidates AS MATERIALIZED (
  SELECT DISTINCT account_id, actor
  FROM (
    SELECT account_id, actor, hour
    FROM hourly_errors
    WHERE event_date >= CAST($from AS DATE) AND hour < $to AND error_family <> 'throttled'
    GROUP BY account_id, actor, hour
    HAVING count(DISTINCT coalesce(error_code, '')) >= $min_codes
  )
),
-- Throttled calls are left out: they say nothing about what the caller may do.
hourly AS (
  SELECT
    account_id, actor, hour,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(*) AS codes,
    CAST(sum(failures) AS BIGINT) AS failures
  FROM (
    SELECT
      e.account_id, e.actor, e.hour, e.error_code,
      min(e.first_time) AS first_time, max(e.last_time) AS last_time, sum(e.failures) AS failures
    FROM candidates AS c
    JOIN hourly_errors AS e ON e.account_id = c.account_id AND e.actor = c.actor
    WHERE e.hour < $to AND e.error_family <> 'throttled'
    GROUP BY e.account_id, e.actor, e.hour, e.error_code
  )
  GROUP BY account_id, actor, hour
),
judged AS (
  SELECT
    *,
    count(*) OVER before AS hours_before,
    coalesce(sum(codes) OVER before, 0) AS codes_before,
    coalesce(max(codes) OVER before, 0) AS most_before
  FROM hourly
  WINDOW before AS (PARTITION BY account_id, actor ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- An hour with a failure has at least one code, so further codes are counted. The prior is one more code in four hours.
rated AS (
  SELECT *, (codes_before - hours_before + 1.0) / (hours_before + 4.0) AS rate
  FROM judged
  WHERE hour >= $from
    AND codes >= $min_codes
    AND codes > most_before
),
scored AS (
  SELECT *, poisson_surprise(codes - 1, rate) AS nats
  FROM rated
),
days AS MATERIALIZED (
  SELECT
    account_id, actor, CAST(hour AS DATE) AS event_date,
    first_value(hour ORDER BY nats DESC, hour) AS hour,
    first_value(first_time ORDER BY nats DESC, hour) AS first_time,
    first_value(last_time ORDER BY nats DESC, hour) AS last_time,
    first_value(codes ORDER BY nats DESC, hour) AS codes,
    first_value(failures ORDER BY nats DESC, hour) AS failures,
    first_value(rate ORDER BY nats DESC, hour) AS rate,
    first_value(hours_before ORDER BY nats DESC, hour) AS hours_before,
    first_value(most_before ORDER BY nats DESC, hour) AS most_before,
    max(nats) AS nats
  FROM scored
  WHERE nats >= $min_nats
  GROUP BY account_id, actor, CAST(hour AS DATE)
),
-- The codes of these hours only: sorting those of all hours takes longer than everything else.
named AS (
  SELECT account_id, actor, hour, array_agg(error_code ORDER BY first_time, error_code) AS error_codes
  FROM (
    SELECT e.account_id, e.actor, e.hour, e.error_code, min(e.first_time) AS first_time
    FROM days AS d
    JOIN hourly_errors AS e ON e.account_id = d.account_id AND e.actor = d.actor AND e.hour = d.hour
    WHERE e.error_family <> 'throttled' AND e.hour < $to
    GROUP BY e.account_id, e.actor, e.hour, e.error_code
  )
  GROUP BY account_id, actor, hour
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 12 nats, twice the least that is reported.
  saturating_score(d.nats, 12.0) AS score,
  d.actor || ' got ' || d.codes || ' different errors within an hour, in '
    || counted(d.failures, 'failed call', 'failed calls') || ': ' || listed(n.error_codes, 4)
    || '; previous maximum: ' || d.most_before || ' ('
    || counted(d.hours_before, 'hour', 'hours') || ' with failures)' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  n.error_codes,
  d.failures,
  count(DISTINCT c.event_source || ':' || c.api) AS apis_failed,
  d.nats AS surprise_nats,
  d.rate + 1.0 AS baseline_codes_per_hour_with_failures,
  d.most_before AS baseline_most_codes_in_an_hour,
  d.hours_before AS baseline_hours_with_failures
FROM days AS d
JOIN named AS n ON n.account_id = d.account_id AND n.actor = d.actor AND n.hour = d.hour
JOIN calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND date_trunc('hour', c.event_time) = d.hour
WHERE NOT c.by_service
  AND c.failed AND c.error_family <> 'throttled'
  AND c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.last_time, d.actor, d.account_id, d.codes, d.failures, n.error_codes, d.most_before,
  d.hours_before, d.rate, d.nats
