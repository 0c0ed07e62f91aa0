/*
title = "All events of an identity, in time order"
[params]
actor = { help = "identity, as in the column actor: ARN of a user, of a role, or of the person behind a session" }
rows  = { default = 1000, help = "maximum number of rows" }
*/
SELECT *
FROM timeline
WHERE actor = $actor
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
