-- One row a group of users, account and day: who was added, and whether the group was given everything.
SELECT
  event_date,
  account_id,
  json_get_str(request_parameters, 'groupName') AS group_name,
  min(event_time) FILTER (WHERE api = 'CreateGroup') AS created_time,
  min(event_time) FILTER (WHERE regexp_like(json_get_str(request_parameters, 'policyArn'), ':aws:policy/(AdministratorAccess|IAMFullAccess|PowerUserAccess)$')
    OR policy_risk(json_get_str(request_parameters, 'policyDocument')) IS NOT NULL) AS granted_time,
  count(*) FILTER (WHERE api = 'AddUserToGroup') AS joined
FROM calls
WHERE event_source = 'iam.amazonaws.com'
  AND api IN ('AddUserToGroup', 'AttachGroupPolicy', 'PutGroupPolicy', 'CreateGroup')
  AND NOT failed
GROUP BY event_date, account_id, json_get_str(request_parameters, 'groupName')
