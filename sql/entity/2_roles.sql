/*
title = "Roles assumed, and by whom"
*/
WITH assumed AS (
  SELECT
    event_time, failed, source_ip_address, actor,
    json_get_str(request_parameters, 'roleArn') AS role,
    json_get_str(request_parameters, 'roleSessionName') AS session
  FROM calls
  WHERE event_source = 'sts.amazonaws.com'
    AND api IN ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
    AND event_time >= $from AND event_time < $to
    AND (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity
      OR json_get_str(request_parameters, 'roleArn') = $entity
      OR json_get_str(response_elements, 'assumedRoleUser', 'arn') = $entity
      OR json_get_str(response_elements, 'credentials', 'accessKeyId') = $entity)
),
pairs AS (
  SELECT
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    actor AS assumed_by,
    role,
    CASE WHEN count(DISTINCT session) <= 1 THEN min(session)
      ELSE concat(count(DISTINCT session), ' sessions') END AS session,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    CASE WHEN count(DISTINCT source_ip_address) <= 1 THEN min(source_ip_address)
      ELSE concat(count(DISTINCT source_ip_address), ' addresses') END AS address
  FROM assumed
  GROUP BY actor, role
  ORDER BY count(*) DESC, actor, role
  LIMIT 20
)
SELECT first_time, last_time, assumed_by, role, session, calls, failures, address
FROM pairs
ORDER BY first_time, assumed_by, role
