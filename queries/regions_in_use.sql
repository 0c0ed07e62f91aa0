/*
title = "Regions in use: since when, number of identities, calls and changes"
[params]
rows = { default = 1000, help = "maximum number of rows" }
*/
SELECT
  account_id,
  aws_region,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  count(DISTINCT actor) AS identities,
  CAST(sum(calls) AS BIGINT) AS calls,
  CAST(sum(changes) AS BIGINT) AS changes
FROM daily_api_use
WHERE last_time >= $from AND first_time < $to
GROUP BY account_id, aws_region
ORDER BY account_id, calls DESC, aws_region
LIMIT $rows
