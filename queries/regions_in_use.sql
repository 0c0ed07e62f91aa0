/*
title = "Regions in use, since when, by how many identities, and whether anything is changed there"
[params]
rows = { default = 1000, help = "rows at most" }
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
