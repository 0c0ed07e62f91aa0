/*
title = "Denied calls by identity and API, most frequent first"
about = "Either a role lacks a permission, or somebody is probing for access."
[params]
rows = { default = 100, help = "maximum number of rows" }
*/
SELECT
  actor,
  event_source,
  api,
  count(*) AS denied,
  min(event_time) AS first_time,
  max(event_time) AS last_time
FROM calls
WHERE error_family = 'denied'
  AND event_time >= $from AND event_time < $to
GROUP BY actor, event_source, api
ORDER BY denied DESC, actor, api
LIMIT $rows
