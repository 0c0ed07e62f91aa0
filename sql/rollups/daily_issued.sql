-- One row per call that issued temporary credentials: who got them, for which session, who called. Records of one call
-- in two accounts are one row; the account of the role sees only the caller's account.
WITH issuing AS (
  SELECT
    event_date, event_time, event_id, account_id, api, actor, user_identity_type, user_identity_arn, credential,
    issued_time, invoked_by, aws_region, source_ip_address, shared_event_id, request_id, user_identity_account_id,
    request_parameters, response_elements, user_identity, service_event_details, additional_event_data,
    coalesce(json_get_str(request_parameters, 'roleArn'),
      json_get_str(response_elements, 'credentialSet', 0, 'roleArn')) AS role_arn,
    coalesce(json_get_str(request_parameters, 'roleSessionName'),
      json_get_str(request_parameters, 'name')) AS session_name
  FROM identified_calls
  WHERE NOT failed
    AND ((event_source = 'sts.amazonaws.com' AND api IN ('AssumeRole', 'AssumeRoleWithSAML',
          'AssumeRoleWithWebIdentity', 'AssumeRoot', 'GetFederationToken', 'GetSessionToken'))
      OR (event_source = 'rolesanywhere.amazonaws.com' AND api = 'CreateSession')
      OR (event_source = 'signin.amazonaws.com' AND api = 'SwitchRole')
      OR (event_source = 'sso.amazonaws.com' AND api = 'GetRoleCredentials'))
),
named AS (
  SELECT
    *,
    CASE
      -- The session of a user or of root keeps its ARN.
      WHEN api IN ('GetSessionToken', 'SwitchRole') THEN user_identity_arn
      WHEN api = 'AssumeRoot' THEN 'arn:' || coalesce(split_part(user_identity_arn, ':', 2),
          CASE WHEN starts_with(aws_region, 'us-gov-') THEN 'aws-us-gov'
               WHEN starts_with(aws_region, 'cn-') THEN 'aws-cn' ELSE 'aws' END) || ':iam::'
        || coalesce(regexp_match(json_get_str(request_parameters, 'targetPrincipal'), '[0-9]{12}')[1], '') || ':root'
      -- The path of a role is not part of its sessions' ARN.
      WHEN api LIKE 'AssumeRole%' AND session_name IS NOT NULL AND role_arn LIKE 'arn:%' THEN
        'arn:' || split_part(role_arn, ':', 2) || ':sts::' || split_part(role_arn, ':', 5) || ':assumed-role/'
        || split_part(role_arn, '/', -1) || '/' || session_name
      ELSE coalesce(json_get_str(response_elements, 'assumedRoleUser', 'arn'),
        json_get_str(response_elements, 'federatedUser', 'arn'),
        json_get_str(response_elements, 'credentialSet', 0, 'assumedRoleUser', 'arn'))
    END AS session_arn,
    coalesce(json_get_str(response_elements, 'credentials', 'accessKeyId'),
      json_get_str(response_elements, 'credentialSet', 0, 'credentials', 'accessKeyId')) AS access_key,
    -- Who got the credentials, where the caller has no identity in AWS or is a service.
    CASE
      WHEN user_identity_type IN ('WebIdentityUser', 'SAMLUser') THEN coalesce(
        json_get_str(user_identity, 'userName'), json_get_str(response_elements, 'subject'),
        json_get_str(response_elements, 'subjectFromWebIdentityToken'), json_get_str(user_identity, 'principalId'))
      WHEN api = 'CreateSession' THEN coalesce(json_get_str(response_elements, 'credentialSet', 0, 'sourceIdentity'),
        json_get_str(response_elements, 'subjectArn'))
      WHEN api = 'SwitchRole' THEN json_get_str(additional_event_data, 'SwitchFrom')
      WHEN user_identity_type = 'AWSService' THEN coalesce(
        'system:serviceaccount:' || regexp_match(request_parameters,
          '"key"\s*:\s*"kubernetes-namespace"\s*,\s*"value"\s*:\s*"([^"]+)"')[1]
          || ':' || regexp_match(request_parameters,
          '"key"\s*:\s*"kubernetes-service-account"\s*,\s*"value"\s*:\s*"([^"]+)"')[1],
        CASE WHEN invoked_by = 'pods.eks.amazonaws.com' THEN session_name END,
        workload_arn(coalesce(invoked_by, actor), session_name, aws_region, role_arn))
    END AS subject
  FROM issuing
)
SELECT
  event_date,
  event_time,
  min(account_id) AS account_id,
  min(api) AS api,
  max(access_key) AS access_key,
  session_arn,
  max(role_arn) AS role_arn,
  -- The console records a switch in the name of the new session.
  first_value(CASE WHEN api = 'SwitchRole' THEN subject ELSE actor END ORDER BY is_account, event_id) AS caller,
  first_value(user_identity_type ORDER BY is_account, event_id) AS caller_type,
  first_value(user_identity_account_id ORDER BY is_account, event_id) AS caller_account,
  -- The caller's own temporary credential, as in `daily_credential`.
  first_value(CASE WHEN api <> 'SwitchRole' THEN credential END ORDER BY is_account, event_id) AS caller_credential,
  first_value(user_identity_arn ORDER BY is_account, event_id) AS caller_session,
  first_value(issued_time ORDER BY is_account, event_id) AS caller_issued_time,
  first_value(source_ip_address ORDER BY is_account, event_id) AS source_ip_address,
  first_value(subject ORDER BY is_account, event_id) AS subject,
  first_value(coalesce(invoked_by, json_get_str(request_parameters, 'principalArn'),
    json_get_str(request_parameters, 'trustAnchorArn'), json_get_str(user_identity, 'identityProvider'))
    ORDER BY is_account, event_id) AS requester,
  max(json_get_str(service_event_details, 'role_name')) AS permission_set,
  max(json_get_str(service_event_details, 'account_id')) AS into_account,
  -- How another record of the same call is known, of the other account.
  CASE WHEN count(DISTINCT account_id) > 1
       THEN CASE WHEN count(shared_event_id) = count(*) THEN 'shared event id' ELSE 'request id' END END AS shared_by,
  first_value(event_id ORDER BY is_account, event_id) AS event_id
FROM (SELECT *, user_identity_type = 'AWSAccount' AS is_account FROM named)
-- Copies of logs may have one shared id for all calls.
GROUP BY event_date, coalesce(shared_event_id, request_id, event_id), event_time, session_arn,
  CASE WHEN api = 'SwitchRole' THEN 1 ELSE 0 END
