/*
title = "Who was denied what, most of it first"
about = "A role that lacks a permission, or somebody trying doors."
[params]
rows = { default = 100, help = "rows at most" }
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
