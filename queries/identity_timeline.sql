/*
title = "Everything an identity did, in order of time"
[params]
actor = { help = "the identity as the column actor has it: the ARN of a user or role, or of the person behind a session" }
rows  = { default = 1000, help = "rows at most" }
*/
SELECT *
FROM timeline
WHERE actor = $actor
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
