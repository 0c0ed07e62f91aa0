-- Computed once a session.
-- The first time an identity shows an item of a kind of habit. Firsts are few: they are aggregated before anything is put
-- in order.
WITH of_api AS MATERIALIZED (
  SELECT actor, event_source, api, min(first_time) AS first_time, first_value(account_id ORDER BY first_time, account_id) AS account_id
  FROM daily_api_use
  GROUP BY actor, event_source, api
),
firsts AS MATERIALIZED (
  SELECT 'api' AS kind, actor, account_id, event_source || ':' || api AS item, first_time
  FROM of_api
  UNION ALL
  SELECT 'event_source' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id, event_source AS item, min(first_time) AS first_time
  FROM of_api
  GROUP BY actor, event_source
  UNION ALL
  SELECT 'region' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id, aws_region AS item, min(first_time) AS first_time
  FROM daily_api_use
  WHERE aws_region IS NOT NULL
  GROUP BY actor, aws_region
  UNION ALL
  SELECT 'country' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id, country AS item, min(first_time) AS first_time
  FROM daily_network
  GROUP BY actor, country
  UNION ALL
  SELECT 'asn' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id, CAST(asn AS VARCHAR) AS item, min(first_time) AS first_time
  FROM daily_network
  WHERE asn IS NOT NULL
  GROUP BY actor, asn
  UNION ALL
  SELECT 'user_agent' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id, client AS item, min(first_time) AS first_time
  FROM daily_client
  WHERE client IS NOT NULL
  GROUP BY actor, client
  UNION ALL
  SELECT 'target' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id, kind || ' ' || target AS item, min(first_time) AS first_time
  FROM daily_target
  GROUP BY actor, kind, target
)
SELECT
  f.kind, f.actor, f.item, f.first_time,
  CAST(f.first_time AS DATE) AS event_date,
  f.account_id,
  k.known_since,
  f.actor LIKE '%:role/%' AS is_machine
FROM firsts AS f
JOIN (SELECT kind, actor, min(first_time) AS known_since FROM firsts GROUP BY kind, actor) AS k
  ON k.kind = f.kind AND k.actor = f.actor
