/*
title = "Who assumed a role, from where and how often"
[params]
role = { help = "ARN of the role, or part of it" }
rows = { default = 500, help = "maximum number of rows" }
*/
SELECT
  actor,
  api AS kind,
  json_get_str(request_parameters, 'roleArn') AS role_arn,
  json_get_str(request_parameters, 'roleSessionName') AS session,
  source_ip_address,
  ip_country(source_ip_address) AS country,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures
FROM calls
WHERE event_source = 'sts.amazonaws.com'
  AND api IN ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
  AND strpos(json_get_str(request_parameters, 'roleArn'), $role) > 0
  AND event_time >= $from AND event_time < $to
GROUP BY actor, api, json_get_str(request_parameters, 'roleArn'), json_get_str(request_parameters, 'roleSessionName'),
  source_ip_address
ORDER BY first_time, actor
LIMIT $rows
