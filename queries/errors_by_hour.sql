/*
title = "Failed calls, by hour and kind of error"
[params]
rows = { default = 2000, help = "maximum number of rows" }
*/
SELECT
  hour,
  account_id,
  error_family,
  CAST(sum(failures) AS BIGINT) AS failures,
  count(DISTINCT actor) AS identities,
  count(DISTINCT api) AS apis
FROM hourly_errors
WHERE hour >= $from AND hour < $to
GROUP BY hour, account_id, error_family
ORDER BY hour, account_id, failures DESC
LIMIT $rows
