/*
title = "What else happened from the network operator an address belongs to"
[params]
ip   = { help = "address whose operator is meant" }
rows = { default = 500, help = "rows at most" }
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
