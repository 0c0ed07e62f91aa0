-- Changes of each identity's baseline: what it did for the first time in [$from, $to), and its median calls per active
-- day before and since $from. One row per identity and kind of habit.
WITH first AS (
  SELECT actor, kind, item, min(first_time) AS first_time
  FROM habits
  WHERE first_time < $to AND kind <> 'target'
  GROUP BY actor, kind, item
),
since AS (
  SELECT actor, min(first_time) AS first_time
  FROM first
  GROUP BY actor
),
daily AS (
  SELECT actor, event_date, CAST(sum(calls) AS BIGINT) AS calls
  FROM hourly_activity
  WHERE hour < $to
  GROUP BY actor, event_date
),
usual AS (
  SELECT
    actor,
    median(CASE WHEN event_date < CAST($from AS DATE) THEN calls END) AS calls_before,
    median(CASE WHEN event_date >= CAST($from AS DATE) THEN calls END) AS calls_since
  FROM daily
  GROUP BY actor
)
SELECT
  f.actor,
  max(s.first_time) >= $from AS new_identity,
  f.kind,
  array_agg(f.item ORDER BY f.item) AS items,
  max(u.calls_before) AS calls_before,
  max(u.calls_since) AS calls_since
FROM first AS f
JOIN since AS s ON s.actor = f.actor
LEFT JOIN usual AS u ON u.actor = f.actor
WHERE f.first_time >= $from
GROUP BY f.actor, f.kind
ORDER BY new_identity, f.actor, f.kind
