/*
title = "Identities first seen in the window, newest first"
about = "Identities that are older than the lake count as first seen on the first day of the lake."
[params]
rows = { default = 200, help = "maximum number of rows" }
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
