-- One row per group of users, account and day: who was added, and whether the group was granted administration.
WITH of_groups AS (
  SELECT
    event_date, account_id, event_time, api,
    json_get_str(request_parameters, 'groupName') AS group_name,
    is_administrator_policy(json_get_str(request_parameters, 'policyArn'))
      OR coalesce(policy_risk(json_get_str(request_parameters, 'policyDocument')) IN ('administrator', 'iam', 'power'),
        FALSE) AS grants_administration
  FROM identified_calls
  WHERE event_source = 'iam.amazonaws.com'
    AND api IN ('AddUserToGroup', 'AttachGroupPolicy', 'PutGroupPolicy', 'CreateGroup')
    AND NOT failed
)
SELECT
  event_date,
  account_id,
  group_name,
  min(event_time) FILTER (WHERE api = 'CreateGroup') AS created_time,
  min(event_time) FILTER (WHERE grants_administration) AS granted_time,
  count(*) FILTER (WHERE api = 'AddUserToGroup') AS joined
FROM of_groups
GROUP BY event_date, account_id, group_name
