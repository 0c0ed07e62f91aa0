-- The days on which an identity shows any item of a kind of habit.
SELECT k.kind, d.actor, d.event_date
FROM (SELECT DISTINCT actor, event_date FROM daily_api_use) AS d
CROSS JOIN (VALUES ('event_source'), ('api')) AS k(kind)
UNION ALL
SELECT DISTINCT 'region' AS kind, actor, event_date FROM daily_api_use WHERE aws_region IS NOT NULL
UNION ALL
SELECT DISTINCT 'country' AS kind, actor, event_date FROM daily_network
UNION ALL
SELECT DISTINCT 'asn' AS kind, actor, event_date FROM daily_network WHERE asn IS NOT NULL
UNION ALL
SELECT DISTINCT 'user_agent' AS kind, actor, event_date FROM daily_client WHERE client IS NOT NULL
UNION ALL
SELECT DISTINCT 'target' AS kind, actor, event_date FROM daily_target
