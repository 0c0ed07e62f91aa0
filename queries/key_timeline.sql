/*
title = "Everything an access key did, in order of time"
[params]
key  = { help = "access key id, such as AKIA... or ASIA..." }
rows = { default = 1000, help = "rows at most" }
*/
SELECT *
FROM timeline
WHERE access_key_id = $key
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
