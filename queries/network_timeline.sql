/*
title = "Activity from a network, by day and identity"
[params]
network = { help = "network in CIDR notation, such as 198.51.100.0/24, or /32 for one address" }
rows    = { default = 500, help = "maximum number of rows" }
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
