/*
title = "Calls, active days and networks of each identity"
[params]
rows = { default = 200, help = "maximum number of rows" }
*/
WITH networks AS (
  SELECT actor, count(DISTINCT asn) AS networks, count(DISTINCT country) AS countries
  FROM daily_network
  WHERE last_time >= $from AND first_time < $to
  GROUP BY actor
),
used AS (
  SELECT
    actor,
    CAST(sum(calls) AS BIGINT) AS calls,
    CAST(sum(failures) AS BIGINT) AS failures,
    CAST(sum(changes) AS BIGINT) AS changes,
    count(DISTINCT event_date) AS active_days,
    count(DISTINCT event_source || api) AS apis,
    min(first_time) AS first_time,
    max(last_time) AS last_time
  FROM daily_api_use
  WHERE last_time >= $from AND first_time < $to
  GROUP BY actor
)
SELECT u.*, coalesce(n.networks, 0) AS networks, coalesce(n.countries, 0) AS countries
FROM used AS u
LEFT JOIN networks AS n ON n.actor = u.actor
ORDER BY calls DESC, actor
LIMIT $rows
