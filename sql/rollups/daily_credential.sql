-- One row per temporary credential, account in which it was used, and day. A credential is told by its access key, its
-- session and its time of issue together: copies of logs often have one key for all sessions, or none.
SELECT
  event_date,
  coalesce(CASE WHEN access_key_id LIKE 'ASIA%' THEN access_key_id END, user_identity_arn) AS credential,
  user_identity_arn AS session_arn,
  -- When it was issued; the epoch if that is not logged. A session of the console begins with its sign-in.
  coalesce(session_creation_time, CASE WHEN event_source = 'signin.amazonaws.com' THEN event_time END,
    to_timestamp_micros(0, 'UTC')) AS issued_time,
  account_id,
  min(actor) AS actor,
  min(user_identity_type) AS user_identity_type,
  min(session_issuer_arn) AS issuer_arn,
  min(session_name) AS session_name,
  min(user_identity_account_id) AS caller_account,
  min(source_identity) AS source_identity,
  -- Identity Center's id of the person, and the workload that got the credentials.
  min(json_get_str(user_identity, 'onBehalfOf', 'userId')) AS on_behalf_of,
  min(coalesce(json_get_str(user_identity, 'inScopeOf', 'credentialsIssuedTo'),
    json_get_str(user_identity, 'inScopeOf', 'sourceArn'))) AS issued_to,
  coalesce(bool_or(regexp_like(user_identity, '"assumedRoot"\s*:\s*"?true')), FALSE) AS is_assumed_root,
  bool_or(of_instance) AS of_instance,
  -- AWS's SDKs add to the user agent where they run.
  min(regexp_match(user_agent, 'exec-env/(AWS_Lambda_|AWS_ECS_)')[1]) AS environment,
  min(aws_region) FILTER (WHERE aws_region IS NOT NULL) AS aws_region,
  first_value(source_ip_address ORDER BY event_time, event_id) FILTER (WHERE NOT by_service) AS first_address,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls
FROM identified_calls
WHERE user_identity_arn IS NOT NULL
  AND (user_identity_type IN ('AssumedRole', 'FederatedUser')
    OR (user_identity_type IN ('IAMUser', 'Root') AND access_key_id LIKE 'ASIA%'))
GROUP BY event_date, coalesce(CASE WHEN access_key_id LIKE 'ASIA%' THEN access_key_id END, user_identity_arn),
  user_identity_arn,
  coalesce(session_creation_time, CASE WHEN event_source = 'signin.amazonaws.com' THEN event_time END,
    to_timestamp_micros(0, 'UTC')),
  account_id
