/*
title = "Habits: most frequent APIs, regions and clients, by number of days"
*/
WITH own AS (
  SELECT event_date, event_source, api, aws_region, coalesce(agent, user_agent_family(user_agent)) AS client
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND event_time >= $from AND event_time < $to
),
items AS (
  SELECT 'api' AS kind, event_source || ':' || api AS item, event_date FROM own
  UNION ALL
  SELECT 'region' AS kind, aws_region AS item, event_date FROM own
  UNION ALL
  SELECT 'client' AS kind, client AS item, event_date FROM own
),
ranked AS (
  SELECT
    kind, item,
    count(DISTINCT event_date) AS days,
    count(*) AS calls,
    row_number() OVER (PARTITION BY kind ORDER BY count(DISTINCT event_date) DESC, count(*) DESC, item) AS place
  FROM items
  WHERE item IS NOT NULL
  GROUP BY kind, item
)
SELECT kind, item, days, calls
FROM ranked
WHERE place <= 5
ORDER BY kind, place
