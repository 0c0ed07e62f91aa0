-- Calls a day of the identities that findings are about, from 60 days before the window: the past they are judged by.
WITH daily AS (
  SELECT actor, event_date, CAST(sum(calls) AS BIGINT) AS calls, CAST(sum(failures) AS BIGINT) AS failures
  FROM hourly_activity
  WHERE hour >= $from - INTERVAL '60 days' AND hour < $to
    AND array_has($actors, actor)
  GROUP BY actor, event_date
)
SELECT
  actor,
  array_agg(event_date ORDER BY event_date) AS days,
  array_agg(calls ORDER BY event_date) AS calls,
  array_agg(failures ORDER BY event_date) AS failures
FROM daily
GROUP BY actor
ORDER BY actor
