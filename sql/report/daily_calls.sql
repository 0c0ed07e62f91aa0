-- Daily calls of the identities that findings are about, from 60 days before the window to its end.
-- One row per identity.
-- `$actors` may hold thousands of names, so it is searched once per active identity and not once per row.
WITH active AS MATERIALIZED (
  SELECT DISTINCT actor
  FROM daily_activity
  WHERE event_date >= CAST($from AS DATE) - INTERVAL '60 days' AND event_date < CAST($to AS DATE)
),
wanted AS MATERIALIZED (
  SELECT actor FROM active WHERE array_has($actors, actor)
),
daily AS (
  SELECT h.actor, h.event_date, CAST(sum(h.calls) AS BIGINT) AS calls, CAST(sum(h.failures) AS BIGINT) AS failures
  FROM wanted AS w
  JOIN daily_activity AS h ON h.actor = w.actor
  WHERE h.event_date >= CAST($from AS DATE) - INTERVAL '60 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.event_date
)
SELECT
  actor,
  array_agg(event_date ORDER BY event_date) AS days,
  array_agg(calls ORDER BY event_date) AS calls,
  array_agg(failures ORDER BY event_date) AS failures
FROM daily
GROUP BY actor
ORDER BY actor
