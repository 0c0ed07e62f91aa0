/*
title = "Everything that came from an address, in order of time"
[params]
ip   = { help = "IPv4 or IPv6 address, or the name of a service" }
rows = { default = 1000, help = "rows at most" }
*/
SELECT *
FROM timeline
WHERE source_ip_address = $ip
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
