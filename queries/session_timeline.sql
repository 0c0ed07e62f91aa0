/*
title = "All events of a role session, in time order"
[params]
session = { help = "role session name: the last part of an assumed-role ARN" }
rows    = { default = 1000, help = "maximum number of rows" }
*/
SELECT *
FROM timeline
WHERE session_name = $session
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
