/*
title = "All events from a source address, in time order"
[params]
ip   = { help = "IPv4 or IPv6 address, or the host name of an AWS service" }
rows = { default = 1000, help = "maximum number of rows" }
*/
SELECT *
FROM timeline
WHERE source_ip_address = $ip
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
