/*
title      = "Explored the account, created a key for another user and used it"
severity   = "medium"
confidence = "high"
attack     = ["T1098.001", "T1087.004", "T1078.004"]
why        = "Attackers who get in explore the account, create a second way in, and continue through it."
benign     = ["An administrator who creates a key for a workload and tests it"]
respond    = ["IAM administrator: disable the new key and the one it was created with", "List what the new key did"]
[params]
min_new_reads = { default = 3, min = 1, help = """\
  read-only APIs called for the first time that day, before the key was created""" }
*/
WITH created AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_time, event_id,
    -- An agent's host name is no place.
    CASE WHEN agent IS NULL THEN source_ip_address END AS source_ip_address,
    coalesce(json_get_str(request_parameters, 'userName'), json_get_str(response_elements, 'accessKey', 'userName'))
      AS user_name,
    json_get_str(response_elements, 'accessKey', 'accessKeyId') AS made_key
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND NOT failed
    AND event_source = 'iam.amazonaws.com'
    AND api = 'CreateAccessKey'
),
used AS (
  SELECT c.access_key_id, c.event_time, c.event_id, c.event_date, c.source_ip_address, c.actor
  -- The smaller side of the join comes first: it is held in memory.
  FROM (SELECT DISTINCT made_key, event_date FROM created) AS k
  JOIN calls AS c ON c.access_key_id = k.made_key AND c.event_date = k.event_date
  WHERE c.event_time >= $from AND c.event_time < $to
    AND NOT c.by_service
),
-- Keys that are used only where their user was on earlier days, as after a rotation.
at_home AS (
  SELECT u.access_key_id
  FROM (SELECT DISTINCT access_key_id, actor, event_date, source_ip_address FROM used) AS u
  LEFT JOIN (
    SELECT actor, asn, min(event_date) AS since
    FROM daily_network
    WHERE event_date < CAST($to AS DATE)
    GROUP BY actor, asn
  ) AS n ON n.actor = u.actor AND n.asn = ip_asn(u.source_ip_address) AND n.since < u.event_date
  GROUP BY u.access_key_id
  HAVING count(*) = count(n.actor)
),
-- The first time that an identity called an API, and when it first changed something with it.
reads AS (
  SELECT
    actor, event_source, api,
    min(first_time) AS first_time,
    min(CASE WHEN changes > 0 THEN first_time END) AS first_change
  FROM daily_api_use
  WHERE actor IN (SELECT actor FROM created)
    AND event_date < CAST($to AS DATE)
  GROUP BY actor, event_source, api
),
explored AS (
  SELECT m.made_key, count(*) AS new_reads
  FROM created AS m
  JOIN reads AS r ON r.actor = m.actor AND r.first_time < m.event_time
    AND r.first_time >= date_trunc('day', m.event_time)
    AND (r.first_change IS NULL OR r.first_change > m.event_time)
  GROUP BY m.made_key
),
steps AS (
  SELECT made_key, event_time, event_id, FALSE AS is_use, FALSE AS is_near FROM created
  UNION ALL
  SELECT m.made_key, u.event_time, u.event_id, TRUE AS is_use, u.source_ip_address = m.source_ip_address AS is_near
  FROM created AS m
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
    evidence(event_id, event_time, CAST(is_use AS VARCHAR)) AS evidence
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
  -- Scale: 5 new APIs.
  saturating_score(e.new_reads, 5.0) AS score,
  CASE WHEN s.is_near THEN 'high' WHEN h.access_key_id IS NOT NULL THEN 'low' ELSE 'medium' END AS severity,
  m.actor || ' created an access key for ' || coalesce(m.user_name, 'a user') || ', which was used '
    || counted(s.uses, 'time', 'times') || ' the same day'
    || CASE WHEN s.is_near THEN ' from the same address ' || m.source_ip_address
            WHEN h.access_key_id IS NOT NULL THEN ' from networks that the user used before' ELSE '' END
    || '; before that it called ' || counted(e.new_reads, 'API', 'APIs') || ' for the first time' AS summary,
  s.evidence,
  s.events,
  s.made_key AS key,
  s.made_key AS made_access_key_id,
  m.user_name,
  0 AS baseline_days_it_called_them
FROM story AS s
JOIN created AS m ON m.made_key = s.made_key
JOIN explored AS e ON e.made_key = s.made_key
LEFT JOIN at_home AS h ON h.access_key_id = s.made_key
WHERE s.uses > 0
  AND e.new_reads >= $min_new_reads
  AND NOT coalesce(ends_with(m.actor, '/' || m.user_name), FALSE)
