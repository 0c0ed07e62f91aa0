/*
title = "Number of data events, by day, service and API"
[params]
rows = { default = 1000, help = "maximum number of rows" }
*/
SELECT
  event_date,
  account_id,
  event_source,
  event_name,
  count(*) AS events,
  count(*) FILTER (WHERE error_code IS NOT NULL) AS failures
FROM unique_events
WHERE (management_event IS FALSE OR event_category = 'Data')
  AND event_time >= $from AND event_time < $to
GROUP BY event_date, account_id, event_source, event_name
ORDER BY event_date, events DESC, event_name
LIMIT $rows
