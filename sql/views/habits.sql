-- What identities do, day by day: one row per identity, kind of habit, item and day.
SELECT 'event_source' AS kind, actor, account_id, event_date, event_source AS item,
  min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
FROM daily_api_use
GROUP BY actor, account_id, event_date, event_source
UNION ALL
SELECT 'api' AS kind, actor, account_id, event_date, event_source || ':' || api AS item,
  min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
FROM daily_api_use
GROUP BY actor, account_id, event_date, event_source, api
UNION ALL
SELECT 'region' AS kind, actor, account_id, event_date, aws_region AS item,
  min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
FROM daily_api_use
WHERE aws_region IS NOT NULL
GROUP BY actor, account_id, event_date, aws_region
UNION ALL
SELECT 'country' AS kind, actor, account_id, event_date, country AS item,
  min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
FROM daily_network
GROUP BY actor, account_id, event_date, country
UNION ALL
SELECT 'asn' AS kind, actor, account_id, event_date, CAST(asn AS VARCHAR) AS item,
  min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
FROM daily_network
WHERE asn IS NOT NULL
GROUP BY actor, account_id, event_date, asn
UNION ALL
SELECT 'user_agent' AS kind, actor, account_id, event_date, client AS item,
  min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
FROM daily_client
WHERE client IS NOT NULL
GROUP BY actor, account_id, event_date, client
UNION ALL
SELECT 'target' AS kind, actor, account_id, event_date, kind || ' ' || target AS item, first_time, last_time, calls
FROM daily_target
