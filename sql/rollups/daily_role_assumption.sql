-- One row a role, caller and day: who puts on which role, and how. Across accounts both sides have a record of it. The
-- caller's names the caller; the role's has only an id that changes with the session, so its caller is an account.
WITH assumed AS (
  SELECT
    *,
    json_get_str(request_parameters, 'roleArn') AS role_arn,
    CASE WHEN user_identity_type = 'AWSAccount' THEN user_identity_account_id ELSE actor END AS caller
  FROM calls
  WHERE NOT by_service
    AND event_source = 'sts.amazonaws.com'
    AND api IN ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
)
SELECT
  event_date,
  account_id,
  role_arn,
  caller,
  user_identity_account_id AS caller_account,
  api AS kind,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures
FROM assumed
WHERE role_arn IS NOT NULL AND caller IS NOT NULL
GROUP BY event_date, account_id, role_arn, caller, user_identity_account_id, api
