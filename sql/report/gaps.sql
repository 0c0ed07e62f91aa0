-- Periods of 24 hours or more without events, in accounts and regions that otherwise have events in at least half of
-- all hours. One row per gap.
WITH hours AS (
  SELECT DISTINCT account_id, aws_region, hour
  FROM hourly_api_use
  WHERE event_date >= CAST($from AS DATE) AND event_date <= CAST($to AS DATE)
    AND hour >= $from AND hour < $to
),
steps AS (
  SELECT
    account_id, aws_region, hour,
    lag(hour) OVER (PARTITION BY account_id, aws_region ORDER BY hour) AS hour_before,
    count(*) OVER (PARTITION BY account_id, aws_region) AS hours_with_events
  FROM hours
),
long AS (
  SELECT
    account_id, aws_region, hours_with_events,
    hour_before + INTERVAL '1 hour' AS gap_from,
    hour AS gap_to,
    CAST((to_unixtime(hour) - to_unixtime(hour_before)) / 3600 - 1 AS BIGINT) AS hours
  FROM steps
  WHERE hour_before IS NOT NULL
)
SELECT account_id, aws_region, gap_from AS "from", gap_to AS "to", hours
FROM long
WHERE hours >= 24
  AND hours_with_events >= 48
  AND 2 * hours_with_events >=
    (SELECT CAST((to_unixtime(max(hour)) - to_unixtime(min(hour))) / 3600 AS BIGINT) FROM hours)
ORDER BY hours DESC, account_id, aws_region
LIMIT 100
