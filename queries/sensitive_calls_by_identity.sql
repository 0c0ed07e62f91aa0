/*
title = "Calls that change permissions, credentials, sharing or logging, by identity"
[params]
rows = { default = 200, help = "maximum number of rows" }
*/
SELECT
  actor,
  account_id,
  category,
  api,
  CAST(sum(calls) AS BIGINT) AS calls,
  CAST(sum(failures) AS BIGINT) AS failures,
  min(first_time) AS first_time,
  max(last_time) AS last_time
FROM daily_sensitive
WHERE last_time >= $from AND first_time < $to
GROUP BY actor, account_id, category, api
ORDER BY calls DESC, actor, api
LIMIT $rows
