/*
title = "What CloudTrail's aggregated events state: data events by service, API, resource and identity"
about = "Needs a trail with event aggregation. The three templates summarise the same calls: do not add them up."
[params]
rows = { default = 200, help = "maximum number of rows" }
*/
SELECT
  account_id,
  aws_region,
  event_source,
  template,
  dimension,
  name,
  CAST(sum(calls) AS BIGINT) AS calls,
  count(*) AS records,
  min(event_time) AS first_time,
  max(event_time) AS last_time
FROM aggregated_events
WHERE event_time >= $from AND event_time < $to
GROUP BY account_id, aws_region, event_source, template, is_primary, dimension, name
ORDER BY template, is_primary DESC, dimension, calls DESC, name
LIMIT $rows
