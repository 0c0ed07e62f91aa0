-- Hours without events, in accounts and regions that usually have events at that time of day. One row per gap.
--
-- Usual is the account's and region's own earlier delivery: the share of the last 28 days (working days and weekends
-- apart) with an event in that hour of the day. A gap is reported when so long a silence would come by chance once in
-- 100,000 hours (11 years) at most: -ln of its probability is at least ln(100,000) = 11.5, with the hours taken as
-- independent. After four weeks with events in every hour that takes four hours, after ten days five.
--
-- Delivery is expected up to $until, or up to the last event of all accounts if that is later.
WITH active AS (
  SELECT DISTINCT account_id, aws_region, hour
  FROM hourly_api_use
  WHERE event_date >= CAST($from AS DATE) - INTERVAL '28 days' AND event_date <= CAST($to AS DATE) AND hour < $to
    AND account_id IS NOT NULL AND aws_region IS NOT NULL
),
bounds AS (
  SELECT min(hour) AS first_hour, least($to, greatest($until, max(hour) + INTERVAL '1 hour')) AS end_hour
  FROM active
),
-- Fewer hours cannot add up to a gap.
places AS (
  SELECT account_id, aws_region, min(hour) AS since
  FROM active
  GROUP BY account_id, aws_region
  HAVING count(*) >= 24
),
hours AS (
  SELECT unnest(generate_series(first_hour, end_hour - INTERVAL '1 hour', INTERVAL '1 hour')) AS hour
  FROM bounds
),
judged AS (
  SELECT
    p.account_id, p.aws_region, h.hour,
    CASE WHEN a.hour IS NULL THEN 0 ELSE 1 END AS active
  FROM places p
  JOIN hours h ON h.hour >= p.since
  LEFT JOIN active a ON a.account_id = p.account_id AND a.aws_region = p.aws_region AND a.hour = h.hour
),
compared AS (
  SELECT
    account_id, aws_region, hour, active,
    sum(active) OVER same_hour AS same_active,
    count(*) OVER same_hour AS same_days,
    sum(active) OVER any_day AS any_active,
    count(*) OVER any_day AS any_days,
    -- All hours of one silence have the same number.
    sum(active) OVER (PARTITION BY account_id, aws_region ORDER BY hour ROWS UNBOUNDED PRECEDING) AS silence
  FROM judged
  WINDOW same_hour AS (
    PARTITION BY account_id, aws_region, date_part('hour', hour), date_part('dow', hour) IN (0, 6)
    ORDER BY hour
    ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING
  ), any_day AS (
    PARTITION BY account_id, aws_region, date_part('hour', hour)
    ORDER BY hour
    ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING
  )
),
-- Whoever had events on every such working day, or on every such weekend day, is compared with all days.
usual AS (
  SELECT
    *,
    CASE
      WHEN same_days >= 2 AND same_active = same_days THEN any_active / (any_days + 1.0)
      ELSE coalesce(same_active, 0) / (same_days + 1.0)
    END AS share
  FROM compared
)
SELECT
  account_id, aws_region,
  min(hour) AS "from",
  max(hour) + INTERVAL '1 hour' AS "to",
  count(*) AS hours,
  max(hour) + INTERVAL '1 hour' >= (SELECT end_hour FROM bounds) AS ongoing
FROM usual
WHERE active = 0 AND hour >= $from
GROUP BY account_id, aws_region, silence
HAVING sum(-ln(1.0 - share)) >= ln(100000)
ORDER BY ongoing DESC, hours DESC, account_id, aws_region
LIMIT 100
