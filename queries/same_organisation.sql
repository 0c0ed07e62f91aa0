/*
title = "Activity from all addresses of the network operator of an address"
[params]
ip   = { help = "an IP address of the network operator" }
rows = { default = 500, help = "maximum number of rows" }
*/
SELECT
  actor,
  account_id,
  source_ip_address,
  country,
  organisation,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  CAST(sum(calls) AS BIGINT) AS calls
FROM daily_network
WHERE asn = ip_asn($ip)
  AND last_time >= $from AND first_time < $to
GROUP BY actor, account_id, source_ip_address, country, organisation
ORDER BY first_time, actor
LIMIT $rows
