-- Calls that request a session of a role, with the role and the caller. When a role is assumed across accounts, both
-- accounts record it: the caller's record names the caller; the role's has an id that changes with every session, so
-- the caller is its account.
SELECT
  event_date, event_time, event_id, account_id, api, failed,
  user_identity_account_id AS caller_account,
  json_get_str(request_parameters, 'roleArn') AS role_arn,
  CASE WHEN user_identity_type = 'AWSAccount' THEN user_identity_account_id ELSE actor END AS caller
FROM identified_calls
WHERE NOT by_service
  AND event_source = 'sts.amazonaws.com'
  AND api IN ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
