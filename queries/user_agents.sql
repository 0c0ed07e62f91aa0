/*
title = "Clients (user agents) in use, rarest first"
[params]
rows = { default = 200, help = "maximum number of rows" }
*/
SELECT
  client,
  count(DISTINCT actor) AS identities,
  min(actor) AS one_of_them,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  CAST(sum(calls) AS BIGINT) AS calls
FROM daily_client
WHERE last_time >= $from AND first_time < $to
GROUP BY client
ORDER BY identities, calls, client
LIMIT $rows
