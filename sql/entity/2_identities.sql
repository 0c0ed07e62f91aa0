/*
title = "Identities and access keys"
*/
WITH keys AS (
  SELECT
    actor, user_identity_type AS type, access_key_id AS key,
    coalesce(access_key_id LIKE 'AKIA%' OR access_key_id = $entity, FALSE) AS is_named,
    min(event_time) AS first_time, max(event_time) AS last_time, count(*) AS calls
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND event_time >= $from AND event_time < $to
  GROUP BY actor, user_identity_type, access_key_id
),
counted AS (
  SELECT *, count(key) OVER (PARTITION BY actor, type, is_named) AS similar FROM keys
),
grouped AS (
  SELECT
    actor, type,
    -- Few temporary keys are named, many are counted.
    CASE WHEN is_named OR similar <= 5 THEN key ELSE concat(similar, ' temporary keys') END AS key,
    min(first_time) AS first_time, max(last_time) AS last_time, CAST(sum(calls) AS BIGINT) AS calls
  FROM counted
  GROUP BY actor, type, CASE WHEN is_named OR similar <= 5 THEN key ELSE concat(similar, ' temporary keys') END
),
busiest AS (
  SELECT * FROM grouped ORDER BY calls DESC, actor, key LIMIT 15
)
SELECT first_time, last_time, actor, type, key, calls
FROM busiest
ORDER BY first_time, actor, key
