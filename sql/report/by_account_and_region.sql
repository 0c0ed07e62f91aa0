-- Events by account and region, with the number of hours that have events. One row per account and region.
SELECT
  account_id,
  aws_region,
  CAST(sum(calls) AS BIGINT) AS events,
  count(DISTINCT hour) AS hours_with_events,
  CAST((to_unixtime(max(hour)) - to_unixtime(min(hour))) / 3600 + 1 AS BIGINT) AS hours_between,
  min(first_time) AS first_event,
  max(last_time) AS last_event
FROM hourly_api_use
WHERE event_date >= CAST($from AS DATE) AND event_date <= CAST($to AS DATE)
  AND hour >= $from AND hour < $to
GROUP BY account_id, aws_region
ORDER BY events DESC, account_id, aws_region
LIMIT 500
