-- unfamiliar(from, to): networks and kinds of client that an identity uses on a day and has used for less than a week,
-- one row per identity, day and item. An identity without a row calls from where and with what it always does. A person
-- is the same in all roles; networks to which many people moved (mass_moves) are left out.
SELECT n.actor, d.event_date, n.kind, n.item
FROM (
  SELECT actor, regexp_replace(actor, '^.*/', '') AS person, kind, item, event_date
  FROM novelties
  WHERE kind IN ('asn', 'user_agent')
    AND event_date >= CAST($from AS DATE) - INTERVAL '6 days' AND first_time < $to
) AS n
JOIN (
  SELECT regexp_replace(actor, '^.*/', '') AS person, kind, item, min(event_date) AS since
  FROM novelties
  WHERE kind IN ('asn', 'user_agent') AND first_time < $to
  GROUP BY regexp_replace(actor, '^.*/', ''), kind, item
) AS p ON p.person = n.person AND p.kind = n.kind AND p.item = n.item
JOIN (
  SELECT DISTINCT actor, event_date, 'asn' AS kind, CAST(asn AS VARCHAR) AS item
  FROM daily_network
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  UNION ALL
  SELECT DISTINCT actor, event_date, 'user_agent' AS kind, client AS item
  FROM daily_client
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
) AS d ON d.actor = n.actor AND d.kind = n.kind AND d.item = n.item
  AND d.event_date BETWEEN n.event_date AND p.since + INTERVAL '6 days'
LEFT JOIN mass_moves($from - INTERVAL '6 days', $to) AS m
  ON CAST(m.asn AS VARCHAR) = n.item AND m.event_date = n.event_date
WHERE n.kind <> 'asn' OR m.asn IS NULL
