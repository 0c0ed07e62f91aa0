/*
title      = "No more events from an account and region"
severity   = "low"
confidence = "medium"
kind       = "fact"
attack     = ["T1562.008"]
why        = """\
  When a trail is stopped, its bucket refuses delivery or the account leaves the organisation, events stop, and \
  nothing that happens afterwards can be found."""
benign     = [
  "An account or region that was closed on purpose",
  "Workloads that are switched off over the holidays",
  "Logs that are delivered late",
]
respond    = [
  "security team: check that the trail is logging and that its bucket accepts the logs",
  "Look for changes to trails and bucket policies in the hours before",
]
chart      = { observed = "silent_hours", usual = ["longest_silence_hours"] }
[params]
min_hours    = { default = 6, min = 2, help = "shortest silence that is evaluated, in hours" }
factor       = { default = 2.0, min = 1.0, help = """\
  a silence counts if it is this many times longer than the longest one in the 28 days before""" }
most_hours   = { default = 96, min = 1, help = """\
  accounts with a longer silence than this in the 28 days before are not evaluated, in hours: a long weekend is 96""" }
warm_up_days = { default = 14, min = 2, max = 28, help = """\
  days of history an account and region need to be evaluated""" }
*/
-- Hours with events of any kind, services' included, except those of CloudTrail Insights, which may report a silence.
WITH active AS MATERIALIZED (
  SELECT account_id, aws_region, hour, CAST(to_unixtime(hour) / 3600 AS BIGINT) AS bin, max(last_time) AS last_time
  FROM hourly_api_use
  WHERE hour < $to AND event_date >= CAST($from AS DATE) - INTERVAL '35 days' AND event_source IS NOT NULL
  GROUP BY account_id, aws_region, hour
),
-- Each active hour with the silence before it and the next active hour.
stretches AS (
  SELECT
    *,
    (to_unixtime(hour) - to_unixtime(lag(hour) OVER source)) / 3600 - 1 AS silent_hours_before,
    min(hour) OVER source AS since,
    lead(hour) OVER source AS next_hour
  FROM active
  WINDOW source AS (PARTITION BY account_id, aws_region ORDER BY hour)
),
judged AS (
  SELECT
    *,
    max(silent_hours_before) OVER before AS longest_hours,
    count(*) OVER before AS active_hours
  FROM stretches
  -- 672 hours are 28 days.
  WINDOW before AS (PARTITION BY account_id, aws_region ORDER BY bin RANGE BETWEEN 672 PRECEDING AND CURRENT ROW)
),
-- The hour in which a silence becomes unusual: it is evaluated once, in that hour, by what was known then.
unusual AS (
  SELECT
    *,
    hour + INTERVAL '1 hour' AS silent_since,
    to_timestamp(CAST(to_unixtime(hour) + 3600 * ceil(1 + greatest($min_hours, $factor * longest_hours)) AS BIGINT))
      AS noticed
  FROM judged
  WHERE (to_unixtime(hour) - to_unixtime(since)) / 86400 >= $warm_up_days
    AND longest_hours <= $most_hours
),
-- When all accounts stop at once, the archive ends there: that is not the silence of one account.
archive AS (
  SELECT CAST(hour AS DATE) AS event_date, max(hour) AS last_hour
  FROM active
  GROUP BY CAST(hour AS DATE)
),
silences AS (
  SELECT u.*, least(coalesce(u.next_hour, a.last_hour), a.last_hour) AS silent_until
  FROM unusual AS u
  JOIN archive AS a ON a.event_date = CAST(u.noticed AS DATE)
  WHERE u.noticed >= $from AND u.noticed < $to
    AND a.last_hour >= u.noticed
    AND (u.next_hour IS NULL OR u.next_hour >= u.noticed)
),
measured AS MATERIALIZED (
  SELECT *, CAST((to_unixtime(silent_until) - to_unixtime(silent_since)) / 3600 AS BIGINT) AS silent_hours
  FROM silences
),
-- The last events before the silence, as far as the window has them.
last_events AS (
  SELECT m.account_id, m.aws_region, m.hour, evidence(e.event_id, e.event_time) AS evidence
  FROM measured AS m
  JOIN events AS e ON e.account_id = m.account_id AND e.aws_region = m.aws_region
    AND date_trunc('hour', e.event_time) = m.hour
  WHERE e.event_time >= $from AND e.event_time < $to
  GROUP BY m.account_id, m.aws_region, m.hour
)
SELECT
  m.last_time AS first_time,
  greatest(m.last_time, m.silent_until) AS last_time,
  'account' AS entity_type,
  m.account_id AS entity,
  m.account_id,
  m.aws_region AS region,
  -- Scale: four times the longest silence before.
  saturating_score(m.silent_hours, 4.0 * greatest(1.0, m.longest_hours)) AS score,
  'no events from account ' || m.account_id || ' in ' || m.aws_region || ' for '
    || counted(m.silent_hours, 'hour', 'hours')
    || CASE WHEN m.next_hour IS NULL OR m.next_hour > m.silent_until THEN ', and still none'
            ELSE ', then active again' END
    || '; longest silence in the 28 days before: ' || counted(CAST(m.longest_hours AS BIGINT), 'hour', 'hours')
    AS summary,
  coalesce(e.evidence, make_array()) AS evidence,
  m.aws_region || ' ' || CAST(m.hour AS VARCHAR) AS key,
  m.silent_hours,
  CAST(m.longest_hours AS BIGINT) AS baseline_longest_silence_hours,
  m.active_hours AS baseline_active_hours,
  m.since AS baseline_since
FROM measured AS m
LEFT JOIN last_events AS e ON e.account_id = m.account_id AND e.aws_region = m.aws_region AND e.hour = m.hour
