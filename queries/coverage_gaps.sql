/*
title = "Hours an account and region said nothing in between hours with events"
about = "A region nobody uses is silent for good reasons; one that otherwise speaks every hour is not."
[params]
min_hours = { default = 12, help = "shortest silence worth a row" }
rows      = { default = 200, help = "rows at most" }
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
