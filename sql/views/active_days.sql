-- The days on which an identity shows any item of a kind of habit, each with how many there were before.
SELECT k.kind, d.actor, d.event_date, d.active_days
FROM (
  SELECT actor, event_date, CAST(row_number() OVER (PARTITION BY actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
  FROM (SELECT DISTINCT actor, event_date FROM daily_api_use)
) AS d
CROSS JOIN (VALUES ('event_source'), ('api')) AS k(kind)
UNION ALL
SELECT 'region' AS kind, actor, event_date, CAST(row_number() OVER (PARTITION BY actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
FROM (SELECT DISTINCT actor, event_date FROM daily_api_use WHERE aws_region IS NOT NULL)
UNION ALL
SELECT 'country' AS kind, actor, event_date, CAST(row_number() OVER (PARTITION BY actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
FROM (SELECT DISTINCT actor, event_date FROM daily_network)
UNION ALL
SELECT 'asn' AS kind, actor, event_date, CAST(row_number() OVER (PARTITION BY actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
FROM (SELECT DISTINCT actor, event_date FROM daily_network WHERE asn IS NOT NULL)
UNION ALL
SELECT 'user_agent' AS kind, actor, event_date, CAST(row_number() OVER (PARTITION BY actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
FROM (SELECT DISTINCT actor, event_date FROM daily_client WHERE client IS NOT NULL)
UNION ALL
SELECT 'target' AS kind, actor, event_date, CAST(row_number() OVER (PARTITION BY actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
FROM (SELECT DISTINCT actor, event_date FROM daily_target)
