/*
title = "Gaps: hours without events, by account and region"
about = "A gap is normal in a region that is hardly used, and suspicious in one that otherwise has events every hour."
[params]
min_hours = { default = 12, help = "shortest gap to list, in hours" }
rows      = { default = 200, help = "maximum number of rows" }
*/
WITH hours AS (
  SELECT DISTINCT account_id, aws_region, hour
  FROM hourly_api_use
  WHERE hour >= $from AND hour < $to
),
steps AS (
  SELECT account_id, aws_region, hour, lag(hour) OVER (PARTITION BY account_id, aws_region ORDER BY hour) AS hour_before
  FROM hours
)
SELECT
  account_id,
  aws_region,
  hour_before + INTERVAL '1 hour' AS silent_from,
  hour AS silent_to,
  CAST((to_unixtime(hour) - to_unixtime(hour_before)) / 3600 - 1 AS BIGINT) AS hours
FROM steps
WHERE hour_before IS NOT NULL
  AND (to_unixtime(hour) - to_unixtime(hour_before)) / 3600 - 1 >= $min_hours
ORDER BY hours DESC, account_id, aws_region, silent_from
LIMIT $rows
