/*
title      = "Code made and something to start it, by an identity that never did"
severity   = "low"
confidence = "medium"
attack     = ["T1546", "T1648", "T1053", "T1098.003"]
why        = "A function on a timer comes back by itself, with its role's permissions, after every password is changed."
benign     = ["A developer's first scheduled job", "A new pipeline"]
respond    = ["Read the code and what starts it", "See what the role may do and who asked for it"]
[params]
warm_up_days = { default = 14, min = 1, max = 90, help = "days of history the account needs before a role that was never met weighs more" }
*/
-- What starts code that is there; all else below is the code.
WITH triggers (what) AS (
  VALUES ('lambda.amazonaws.com:AddPermission'), ('lambda.amazonaws.com:CreateEventSourceMapping'), ('lambda.amazonaws.com:CreateFunctionUrlConfig'),
    ('events.amazonaws.com:PutRule'), ('events.amazonaws.com:PutTargets'), ('scheduler.amazonaws.com:CreateSchedule'),
    ('ssm.amazonaws.com:CreateAssociation'), ('glue.amazonaws.com:CreateTrigger'), ('autoscaling.amazonaws.com:CreateAutoScalingGroup'),
    ('codebuild.amazonaws.com:CreateWebhook')
),
steps AS (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed,
    event_source || ':' || api AS what,
    regexp_match(request_parameters, 'arn:[a-z-]+:iam::[0-9]{12}:(?:role|instance-profile)/[^"\\]+')[1] AS role
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND read_only IS NOT TRUE
    AND event_source IN ('autoscaling.amazonaws.com', 'codebuild.amazonaws.com', 'ec2.amazonaws.com', 'ecs.amazonaws.com',
      'events.amazonaws.com', 'glue.amazonaws.com', 'lambda.amazonaws.com', 'scheduler.amazonaws.com', 'ssm.amazonaws.com',
      'states.amazonaws.com')
    AND event_source || ':' || api IN ('lambda.amazonaws.com:AddPermission', 'lambda.amazonaws.com:CreateEventSourceMapping',
      'lambda.amazonaws.com:CreateFunctionUrlConfig', 'events.amazonaws.com:PutRule', 'events.amazonaws.com:PutTargets',
      'scheduler.amazonaws.com:CreateSchedule', 'ssm.amazonaws.com:CreateAssociation', 'glue.amazonaws.com:CreateTrigger',
      'autoscaling.amazonaws.com:CreateAutoScalingGroup', 'codebuild.amazonaws.com:CreateWebhook',
      'lambda.amazonaws.com:CreateFunction', 'ssm.amazonaws.com:CreateDocument', 'ec2.amazonaws.com:CreateLaunchTemplate',
      'ec2.amazonaws.com:CreateLaunchTemplateVersion', 'codebuild.amazonaws.com:CreateProject', 'glue.amazonaws.com:CreateJob',
      'states.amazonaws.com:CreateStateMachine', 'ecs.amazonaws.com:RegisterTaskDefinition')
),
daily AS MATERIALIZED (
  SELECT
    s.actor, s.account_id, s.event_date,
    min(s.event_time) AS first_time,
    max(s.event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE s.failed) AS failures,
    first_value(s.role ORDER BY s.event_time, s.event_id) FILTER (WHERE t.what IS NULL AND NOT s.failed AND s.role IS NOT NULL) AS role,
    array_distinct(array_agg(s.what ORDER BY s.event_time, s.event_id)) AS apis,
    evidence(s.event_id, s.event_time) AS evidence
  FROM steps AS s
  LEFT JOIN triggers AS t ON t.what = s.what
  GROUP BY s.actor, s.account_id, s.event_date
  HAVING bool_or(t.what IS NOT NULL) AND bool_or(t.what IS NULL)
),
-- Days on which they made anything start by itself.
active AS (
  SELECT
    actor, account_id, event_date,
    count(*) OVER (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (
    SELECT DISTINCT u.actor, u.account_id, u.event_date
    FROM (SELECT DISTINCT actor FROM daily) AS d
    JOIN daily_api_use AS u ON u.actor = d.actor
    WHERE u.event_date < CAST($to AS DATE)
      AND u.event_source || ':' || u.api IN (SELECT what FROM triggers)
  )
),
-- When a role was first made, handed to something or at work.
met AS (
  SELECT r.role, min(r.first_time) AS since
  FROM (SELECT DISTINCT role FROM daily WHERE role IS NOT NULL) AS d
  JOIN (
    SELECT role, first_time FROM daily_role WHERE event_date < CAST($to AS DATE)
    UNION ALL
    SELECT actor AS role, first_time FROM daily_api_use WHERE event_date < CAST($to AS DATE)
  ) AS r ON r.role = d.role
  GROUP BY r.role
),
judged AS (
  SELECT
    d.*,
    coalesce(a.days_before, 0) AS days_before,
    CAST(d.event_date - o.since AS BIGINT) AS account_days,
    d.role IS NOT NULL AND m.since >= d.first_time AS is_unmet
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_date = d.event_date
  LEFT JOIN met AS m ON m.role = d.role
  LEFT JOIN own_account AS o ON o.account_id = d.account_id
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN is_unmet THEN 0.9 ELSE 0.5 END AS score,
  -- A role that is there and was never at work, never handed out and not made for this: nobody knows what it is for.
  CASE WHEN is_unmet AND failures < calls AND account_days >= $warm_up_days THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to make' ELSE ' made' END || ' code and what starts it: ' || array_to_string(array_slice(apis, 1, 5), ', ')
    || coalesce(', with the role ' || role || CASE WHEN is_unmet THEN ', which was never at work before' ELSE '' END, '')
    || CASE WHEN failures > 0 THEN '; ' || failures || ' of ' || calls || ' calls failed' ELSE '' END
    || '; it never had' AS summary,
  evidence,
  calls AS events,
  apis,
  role,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so,
  account_days AS baseline_days_of_history
FROM judged
WHERE days_before = 0
