/*
title = "Calls into other accounts, by identity"
[params]
rows = { default = 200, help = "maximum number of rows" }
*/
SELECT
  from_account,
  into_account,
  actor,
  CAST(sum(calls) AS BIGINT) AS calls,
  CAST(sum(failures) AS BIGINT) AS failures,
  CAST(sum(changes) AS BIGINT) AS changes,
  min(first_time) AS first_time,
  max(last_time) AS last_time
FROM daily_cross_account
WHERE last_time >= $from AND first_time < $to
GROUP BY from_account, into_account, actor
ORDER BY calls DESC, from_account, into_account, actor
LIMIT $rows
