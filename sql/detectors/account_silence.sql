/*
title      = "An account's records stop"
severity   = "low"
confidence = "medium"
attack     = ["T1562.008"]
why        = "A trail that was stopped, a bucket that refuses delivery or an organisation that was left show as silence: nothing else will ever be found there."
benign     = ["An account or region that was closed on purpose", "Machines that are switched off over the holidays", "Logs that are delivered late"]
respond    = ["See whether the trail is logging and the bucket takes its logs", "Look for changes of trails and bucket policies in the last hours before"]
[params]
min_hours    = { default = 6, min = 2, help = "shorter silences are not judged" }
factor       = { default = 2.0, min = 1.0, help = "how many times longer than the longest silence of the 28 days before" }
most_hours   = { default = 96, min = 1, help = "who was silent for longer than this in the 28 days before speaks now and then only: a long weekend is 96 hours" }
warm_up_days = { default = 14, min = 2, max = 28, help = "days of history an account and region need before they can be judged" }
*/
-- Hours with records of any kind, but for what Insights says about a silence: services speak at night too.
WITH spoken AS MATERIALIZED (
  SELECT account_id, aws_region, hour, CAST(to_unixtime(hour) / 3600 AS BIGINT) AS bin, max(last_time) AS last_time
  FROM hourly_api_use
  WHERE hour < $to AND event_date >= CAST($from AS DATE) - INTERVAL '35 days' AND event_source IS NOT NULL
  GROUP BY account_id, aws_region, hour
),
-- Each active hour with how long it had been silent before it, and when somebody spoke next.
stretches AS (
  SELECT
    *,
    (to_unixtime(hour) - to_unixtime(lag(hour) OVER speaker)) / 3600 - 1 AS silent_hours_before,
    min(hour) OVER speaker AS since,
    lead(hour) OVER speaker AS next_hour
  FROM spoken
  WINDOW speaker AS (PARTITION BY account_id, aws_region ORDER BY hour)
),
judged AS (
  SELECT
    *,
    max(silent_hours_before) OVER before AS longest_hours,
    count(*) OVER before AS active_hours
  FROM stretches
  -- Of 28 days.
  WINDOW before AS (PARTITION BY account_id, aws_region ORDER BY bin RANGE BETWEEN 672 PRECEDING AND CURRENT ROW)
),
-- The hour in which a silence becomes remarkable: it is judged then and only then, by what was known then.
remarkable AS (
  SELECT
    *,
    hour + INTERVAL '1 hour' AS silent_since,
    to_timestamp(CAST(to_unixtime(hour) + 3600 * ceil(1 + greatest($min_hours, $factor * longest_hours)) AS BIGINT)) AS noticed
  FROM judged
  WHERE (to_unixtime(hour) - to_unixtime(since)) / 86400 >= $warm_up_days
    AND longest_hours <= $most_hours
),
-- Where nobody spoke any more, the archive ends: that is no account's silence.
others AS (
  SELECT CAST(hour AS DATE) AS event_date, max(hour) AS last_hour
  FROM spoken
  GROUP BY CAST(hour AS DATE)
),
silences AS (
  SELECT r.*, least(coalesce(r.next_hour, o.last_hour), o.last_hour) AS silent_until
  FROM remarkable AS r
  JOIN others AS o ON o.event_date = CAST(r.noticed AS DATE)
  WHERE r.noticed >= $from AND r.noticed < $to
    AND o.last_hour >= r.noticed
    AND (r.next_hour IS NULL OR r.next_hour >= r.noticed)
),
measured AS MATERIALIZED (
  SELECT *, CAST((to_unixtime(silent_until) - to_unixtime(silent_since)) / 3600 AS BIGINT) AS silent_hours
  FROM silences
),
-- The last events before it, as far as the window has them.
last_words AS (
  SELECT m.account_id, m.aws_region, m.hour, evidence(e.event_id, e.event_time) AS evidence
  FROM measured AS m
  JOIN events AS e ON e.account_id = m.account_id AND e.aws_region = m.aws_region AND date_trunc('hour', e.event_time) = m.hour
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
  1.0 - exp(-m.silent_hours / (4.0 * greatest(1.0, m.longest_hours))) AS score,
  'account ' || m.account_id || ' said nothing in ' || m.aws_region || ' for ' || m.silent_hours || ' hours and '
    || CASE WHEN m.next_hour IS NULL OR m.next_hour > m.silent_until THEN 'is still silent' ELSE 'then spoke again' END
    || '; its longest silence in 28 days was ' || CAST(m.longest_hours AS BIGINT) || ' hours' AS summary,
  coalesce(w.evidence, make_array()) AS evidence,
  m.aws_region || ' ' || CAST(m.hour AS VARCHAR) AS key,
  m.silent_hours,
  CAST(m.longest_hours AS BIGINT) AS baseline_longest_silence_hours,
  m.active_hours AS baseline_active_hours,
  m.since AS baseline_since
FROM measured AS m
LEFT JOIN last_words AS w ON w.account_id = m.account_id AND w.aws_region = m.aws_region AND w.hour = m.hour
