-- new_places(from, to): days on which an identity with a week of history called from a network for the first time, or
-- from its first address of a country with a client that is new, too; one row per identity and day. A known network in
-- another country alone is no new place: providers of VPNs move their exits. Networks to which many moved that day
-- (mass_moves), places that at least three others used before unless the client is new, too, and the identity's own
-- addresses in AWS (places_in_aws) are left out.
SELECT DISTINCT n.actor, n.event_date
FROM novelties AS n
JOIN daily_network AS d ON d.actor = n.actor AND d.event_date = n.event_date
  AND n.item = CASE n.kind WHEN 'asn' THEN CAST(d.asn AS VARCHAR) ELSE d.country END
LEFT JOIN novelties AS c ON c.kind = 'user_agent' AND c.actor = n.actor AND c.event_date = n.event_date
  AND c.event_date >= CAST($from AS DATE) AND c.first_time < $to
LEFT ANTI JOIN mass_moves($from, $to) AS m ON m.asn = d.asn AND m.event_date = d.event_date
LEFT ANTI JOIN places_in_aws($from, $to) AS s ON s.actor = d.actor AND s.event_date = d.event_date
  AND s.source_ip_address = d.source_ip_address
WHERE n.kind IN ('asn', 'country') AND n.history_days >= 7
  AND (n.kind = 'asn' AND n.users_before < 3 OR c.actor IS NOT NULL)
  AND n.event_date >= CAST($from AS DATE) AND n.first_time < $to
  AND d.event_date >= CAST($from AS DATE) AND d.event_date < CAST($to AS DATE)
