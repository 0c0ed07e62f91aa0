-- Days on which an identity made far more calls than on its earlier active days, by robust z-score of ln(1 + calls).
-- One row per identity and day.
WITH daily AS (
  SELECT actor, event_date, CAST(sum(calls) AS BIGINT) AS calls
  FROM daily_activity
  WHERE event_date < CAST($to AS DATE)
  GROUP BY actor, event_date
),
judged AS (
  SELECT *, baseline(ln(1.0 + calls), 28) OVER (PARTITION BY actor ORDER BY event_date) AS past
  FROM daily
),
scored AS (
  SELECT
    actor, event_date, calls,
    past['n'] AS days_before,
    exp(past['median']) - 1.0 AS median_calls_before,
    robust_z_score(ln(1.0 + calls), past['median'], past['mad'], 0.5) AS robust_z
  FROM judged
)
SELECT event_date AS day, actor, calls, days_before, median_calls_before, robust_z
FROM scored
WHERE event_date >= CAST($from AS DATE)
  AND days_before >= 5
  AND robust_z >= 3
ORDER BY robust_z DESC, day, actor
LIMIT 100
