/*
title = "All events of an access key, in time order"
[params]
key  = { help = "access key id, such as AKIA... or ASIA..." }
rows = { default = 1000, help = "maximum number of rows" }
*/
SELECT *
FROM timeline
WHERE access_key_id = $key
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
