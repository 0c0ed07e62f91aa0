-- places_in_aws(from, to): addresses of Amazon from which an identity calls without being elsewhere: the person opened
-- CloudShell that day or the day before, in any role, or another identity called from the address on an earlier day, as
-- through a NAT gateway.
SELECT DISTINCT d.actor, d.event_date, d.source_ip_address
FROM daily_address AS d
LEFT JOIN (
  SELECT regexp_replace(actor, '^.*/', '') AS person, event_date FROM daily_api_use
  WHERE event_source = 'cloudshell.amazonaws.com' AND calls > failures
    AND event_date >= CAST($from AS DATE) - INTERVAL '3 days' AND event_date < CAST($to AS DATE)
) AS s ON s.person = regexp_replace(d.actor, '^.*/', '')
  AND s.event_date BETWEEN d.event_date - INTERVAL '1 day' AND d.event_date
LEFT JOIN (
  SELECT source_ip_address, actor, min(event_date) AS since
  FROM daily_address
  WHERE event_date < CAST($to AS DATE) AND ip_is_amazon(source_ip_address)
  GROUP BY source_ip_address, actor
) AS k ON k.source_ip_address = d.source_ip_address AND k.since < d.event_date AND k.actor <> d.actor
WHERE d.event_date >= CAST($from AS DATE) - INTERVAL '2 days' AND d.event_date < CAST($to AS DATE)
  AND ip_is_amazon(d.source_ip_address)
  AND (s.person IS NOT NULL OR k.source_ip_address IS NOT NULL)
