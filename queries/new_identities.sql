/*
title = "Identities by the day they were first seen"
about = "What comes from before the first day of the lake counts as seen on it."
[params]
rows = { default = 200, help = "rows at most" }
*/
SELECT
  actor,
  min(account_id) AS account_id,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  count(DISTINCT event_date) AS active_days,
  CAST(sum(calls) AS BIGINT) AS calls
FROM daily_api_use
GROUP BY actor
HAVING min(first_time) >= $from AND min(first_time) < $to
ORDER BY first_time DESC, actor
LIMIT $rows
