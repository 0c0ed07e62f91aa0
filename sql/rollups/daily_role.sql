-- One row per role that was created, or given to something that runs with it, and day.
WITH named AS (
  SELECT
    event_date, account_id, event_time,
    event_source <> 'iam.amazonaws.com' AS is_given,
    CASE WHEN event_source = 'iam.amazonaws.com' THEN json_get_str(response_elements, 'role', 'arn')
         ELSE named_role END AS role
  FROM identified_calls
  WHERE NOT by_service
    AND NOT failed
    AND read_only IS NOT TRUE
    AND ((event_source = 'iam.amazonaws.com' AND api = 'CreateRole')
      OR event_source IN ('lambda.amazonaws.com', 'events.amazonaws.com', 'scheduler.amazonaws.com',
        'ssm.amazonaws.com', 'codebuild.amazonaws.com', 'glue.amazonaws.com', 'states.amazonaws.com',
        'ecs.amazonaws.com', 'ec2.amazonaws.com', 'cloudformation.amazonaws.com', 'sagemaker.amazonaws.com',
        'batch.amazonaws.com'))
)
SELECT
  event_date, account_id, role,
  min(event_time) AS first_time,
  count(*) AS calls,
  count(*) FILTER (WHERE is_given) AS given
FROM named
WHERE role IS NOT NULL
GROUP BY event_date, account_id, role
