-- insight_days(kind, from, to, min_calls, burst, warm_up_hours, min_nats): days on which a series of `insight_hours`
-- had hours with far more calls than the 7 days before, one row per series and day. CloudTrail Insights uses these 7
-- days too.
WITH recorded AS (
  SELECT * FROM hourly_api_use
  WHERE hour < $to AND event_date >= CAST($from AS DATE) - INTERVAL '7 days'
),
-- Series with an hour in the window that has enough calls.
series AS (
  SELECT DISTINCT account_id, aws_region, event_source, event_name, error_code
  FROM (
    SELECT account_id, aws_region, event_source, event_name, error_code, hour
    FROM insight_hours
    WHERE kind = $kind AND event_date >= CAST($from AS DATE) AND hour < $to
    GROUP BY account_id, aws_region, event_source, event_name, error_code, hour
    HAVING sum(calls) >= $min_calls
  )
),
hourly AS (
  SELECT
    h.account_id, h.aws_region, h.event_source, h.event_name, h.error_code, h.hour,
    CAST(sum(h.calls) AS DOUBLE) AS calls,
    min(h.first_time) AS first_time,
    max(h.last_time) AS last_time
  FROM series AS s
  JOIN insight_hours AS h ON h.account_id = s.account_id AND h.aws_region = s.aws_region
    AND h.event_source = s.event_source AND h.event_name = s.event_name AND h.error_code = s.error_code
  WHERE h.kind = $kind AND h.hour < $to AND h.event_date >= CAST($from AS DATE) - INTERVAL '7 days'
  GROUP BY h.account_id, h.aws_region, h.event_source, h.event_name, h.error_code, h.hour
),
-- The hours of a series are counted from the account's first record on, so that one that is new has a baseline of 0.
anchored AS (
  SELECT * FROM hourly
  UNION ALL
  SELECT
    s.account_id, s.aws_region, s.event_source, s.event_name, s.error_code, b.hour,
    CAST(NULL AS DOUBLE), NULL, NULL
  FROM series AS s
  JOIN (SELECT account_id, min(hour) AS hour FROM recorded GROUP BY account_id) AS b ON b.account_id = s.account_id
),
judged AS (
  SELECT
    *,
    filled_baseline(calls, CAST(floor(to_unixtime(hour) / 3600) AS BIGINT), 168) OVER (
      PARTITION BY account_id, aws_region, event_source, event_name, error_code ORDER BY hour) AS past
  FROM anchored
),
expected AS (
  SELECT
    *,
    past['n'] AS hours_before,
    past['mean'] AS mean,
    -- Adds one call, so that the mean of a new series is above 0.
    past['mean'] + 1.0 / past['n'] AS rate,
    past['variance'] AS variance
  FROM judged
  WHERE hour >= $from AND calls >= $min_calls AND past['n'] >= $warm_up_hours
),
scored AS (
  SELECT *, negative_binomial_surprise(calls, rate, greatest(variance, rate * $burst)) AS nats
  FROM expected
)
SELECT
  account_id, aws_region, event_source, event_name, error_code, CAST(hour AS DATE) AS event_date,
  -- The finding's key: what distinguishes the series within its account.
  aws_region || ' ' || event_source || ':' || event_name
    || CASE error_code WHEN '' THEN '' ELSE ' ' || error_code END AS series,
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
