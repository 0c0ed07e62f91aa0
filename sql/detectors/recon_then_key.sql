/*
title      = "Looked around, made a key for another user and used it"
severity   = "medium"
confidence = "high"
attack     = ["T1098.001", "T1087.004", "T1078.004"]
why        = "Who finds a way in looks around, makes a second way in, and goes on through it."
benign     = ["An administrator who makes a key for a machine and tries it"]
respond    = ["Disable both the key that was made and the one it was made with", "List what the new key did"]
[params]
min_new_reads = { default = 3, min = 1, help = "APIs that read, called for the first time on the day before the key was made" }
*/
WITH made AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_time, event_id, source_ip_address,
    coalesce(json_get_str(request_parameters, 'userName'), json_get_str(response_elements, 'accessKey', 'userName')) AS user_name,
    json_get_str(response_elements, 'accessKey', 'accessKeyId') AS made_key
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND NOT failed
    AND event_source = 'iam.amazonaws.com'
    AND api = 'CreateAccessKey'
),
used AS (
  SELECT c.access_key_id, c.actor, c.event_time, c.event_id, c.source_ip_address
  FROM (SELECT DISTINCT made_key FROM made) AS k -- the smaller side first: it is the one that is held
  JOIN calls AS c ON c.access_key_id = k.made_key
  WHERE c.event_time >= $from AND c.event_time < $to
    AND NOT c.by_service
),
-- APIs that an identity had never called, by day; reading them changes nothing.
reads AS (
  SELECT actor, event_source, api, min(first_time) AS first_time
  FROM daily_api_use
  WHERE actor IN (SELECT actor FROM made)
  GROUP BY actor, event_source, api
  HAVING sum(changes) = 0
),
looked AS (
  SELECT m.made_key, count(*) AS new_reads
  FROM made AS m
  JOIN reads AS r ON r.actor = m.actor AND r.first_time < m.event_time AND r.first_time >= date_trunc('day', m.event_time)
  GROUP BY m.made_key
),
steps AS (
  SELECT made_key, event_time, event_id, FALSE AS is_use, FALSE AS is_near FROM made
  UNION ALL
  SELECT m.made_key, u.event_time, u.event_id, TRUE AS is_use, u.source_ip_address = m.source_ip_address AS is_near
  FROM made AS m
  JOIN used AS u ON u.access_key_id = m.made_key
),
story AS (
  SELECT
    made_key,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) FILTER (WHERE is_use) AS uses,
    bool_or(is_near) AS is_near,
    count(*) AS events,
    evidence(event_id, event_time) AS evidence
  FROM steps
  GROUP BY made_key
)
SELECT
  s.first_time,
  s.last_time,
  'actor' AS entity_type,
  m.actor AS entity,
  m.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-l.new_reads / 5.0) AS score,
  CASE WHEN s.is_near THEN 'high' ELSE 'medium' END AS severity,
  m.actor || ' called ' || l.new_reads || ' APIs for the first time, made a key for ' || coalesce(m.user_name, 'a user') || ' and it was used '
    || s.uses || ' times the same day' || CASE WHEN s.is_near THEN ' from the same address ' || m.source_ip_address ELSE '' END AS summary,
  s.evidence,
  s.events,
  s.made_key AS key,
  s.made_key AS made_access_key_id,
  m.user_name,
  0 AS baseline_days_it_called_them
FROM story AS s
JOIN made AS m ON m.made_key = s.made_key
JOIN looked AS l ON l.made_key = s.made_key
WHERE s.uses > 0
  AND l.new_reads >= $min_new_reads
  AND NOT coalesce(m.actor LIKE '%/' || m.user_name, FALSE)
