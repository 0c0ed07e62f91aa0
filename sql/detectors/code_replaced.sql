/*
title      = "Running code replaced by an identity that never did"
severity   = "low"
confidence = "medium"
attack     = ["T1648", "T1525", "T1059.009"]
why        = "Code put into a function or an instance's start runs with that resource's permissions."
benign     = ["A developer who deploys by hand for once", "A new pipeline"]
respond    = ["Compare the code with what the repository says", "See what the function's role did since"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history the account needs before it weighs more that an identity is new to it" }
*/
WITH replaced AS (
  SELECT
    *,
    coalesce(json_get_str(request_parameters, 'functionName'), json_get_str(request_parameters, 'instanceId'),
      json_get_str(request_parameters, 'name'), 'something') AS target
  FROM calls
  WHERE NOT by_service
    AND event_time >= $from AND event_time < $to
    AND read_only IS NOT TRUE
    AND event_source IN ('lambda.amazonaws.com', 'ec2.amazonaws.com', 'glue.amazonaws.com')
    AND ((event_source = 'lambda.amazonaws.com' AND api IN ('UpdateFunctionCode', 'PublishLayerVersion'))
      OR (event_source = 'lambda.amazonaws.com' AND api = 'UpdateFunctionConfiguration' AND request_parameters LIKE '%"layers"%')
      OR (event_source = 'ec2.amazonaws.com' AND api = 'ModifyInstanceAttribute' AND request_parameters LIKE '%"userData"%')
      OR (event_source = 'glue.amazonaws.com' AND api IN ('UpdateDevEndpoint', 'UpdateJob')))
),
daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    array_distinct(array_agg(target ORDER BY event_time, event_id)) AS targets,
    evidence(event_id, event_time) AS evidence
  FROM replaced
  GROUP BY actor, account_id, event_date
),
-- Earlier days with these APIs, whatever they were asked for.
active AS (
  SELECT
    actor, account_id, event_date,
    count(*) OVER (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (
    SELECT DISTINCT u.actor, u.account_id, u.event_date
    FROM (SELECT DISTINCT actor FROM daily) AS d
    JOIN daily_api_use AS u ON u.actor = d.actor
    WHERE (u.event_source = 'lambda.amazonaws.com' AND u.api IN ('UpdateFunctionCode', 'PublishLayerVersion', 'UpdateFunctionConfiguration'))
      OR (u.event_source = 'ec2.amazonaws.com' AND u.api = 'ModifyInstanceAttribute')
      OR (u.event_source = 'glue.amazonaws.com' AND u.api IN ('UpdateDevEndpoint', 'UpdateJob'))
  )
),
judged AS (
  SELECT
    d.*,
    coalesce(a.days_before, 0) AS days_before,
    CAST(d.event_date - o.since AS BIGINT) AS account_days
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_date = d.event_date
  LEFT JOIN own_account AS o ON o.account_id = d.account_id
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN account_days >= $warm_up_days THEN 0.8 ELSE 0.4 END AS score,
  -- Functions are deployed by hand now and then. What an instance runs as root when it starts is not.
  CASE WHEN array_has(apis, 'ModifyInstanceAttribute') AND failures < calls AND account_days >= $warm_up_days THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to replace' ELSE ' replaced' END || ' code: ' || array_to_string(apis, ', ') || ' on '
    || array_to_string(array_slice(targets, 1, 3), ', ') || '; it never had' AS summary,
  evidence,
  calls AS events,
  apis,
  targets,
  failures AS failed_calls,
  account_days AS baseline_days_of_history
FROM judged
WHERE days_before = 0
