-- Events by account and region: how many, in how many of the hours between the first and the last.
SELECT
  account_id,
  aws_region,
  count(*) AS events,
  count(DISTINCT date_trunc('hour', event_time)) AS hours_with_events,
  CAST((to_unixtime(date_trunc('hour', max(event_time))) - to_unixtime(date_trunc('hour', min(event_time)))) / 3600 + 1 AS BIGINT) AS hours_between,
  min(event_time) AS first_event,
  max(event_time) AS last_event
FROM events
WHERE event_time >= $from AND event_time < $to
GROUP BY account_id, aws_region
ORDER BY events DESC, account_id, aws_region
LIMIT 500
