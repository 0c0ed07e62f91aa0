/*
title = "What came from a network, by identity and day"
[params]
network = { help = "network such as 198.51.100.0/24; an address stands for itself with /32" }
rows    = { default = 500, help = "rows at most" }
*/
SELECT
  event_date,
  actor,
  account_id,
  source_ip_address,
  ip_country(source_ip_address) AS country,
  ip_organisation(source_ip_address) AS organisation,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(DISTINCT api) AS apis
FROM calls
WHERE ip_in_cidr(source_ip_address, $network)
  AND event_time >= $from AND event_time < $to
GROUP BY event_date, actor, account_id, source_ip_address
ORDER BY event_date, calls DESC
LIMIT $rows
