-- One row per temporary credential, account in which it was used, and day.
SELECT
  event_date,
  credential,
  user_identity_arn AS session_arn,
  issued_time,
  account_id,
  min(actor) AS actor,
  min(user_identity_type) AS user_identity_type,
  min(session_issuer_arn) AS issuer_arn,
  min(session_name) AS session_name,
  min(user_identity_account_id) AS caller_account,
  min(source_identity) AS source_identity,
  -- Identity Center's id of the person, and the workload that got the credentials. Few records have these members; a
  -- search for the name is ten times faster than reading the JSON.
  min(CASE WHEN contains(user_identity, '"onBehalfOf"') THEN json_get_str(user_identity, 'onBehalfOf', 'userId') END)
    AS on_behalf_of,
  min(CASE WHEN contains(user_identity, '"inScopeOf"')
           THEN coalesce(json_get_str(user_identity, 'inScopeOf', 'credentialsIssuedTo'),
             json_get_str(user_identity, 'inScopeOf', 'sourceArn')) END) AS issued_to,
  coalesce(bool_or(contains(user_identity, '"assumedRoot"')
    AND regexp_like(user_identity, '"assumedRoot"\s*:\s*"?true')), FALSE) AS is_assumed_root,
  bool_or(of_instance) AS of_instance,
  -- AWS's SDKs add to the user agent where they run.
  min(CASE WHEN contains(user_agent, 'exec-env/AWS_Lambda_') THEN 'lambda.amazonaws.com'
           WHEN contains(user_agent, 'exec-env/AWS_ECS_') THEN 'ecs-tasks.amazonaws.com' END) AS environment,
  min(aws_region) FILTER (WHERE aws_region IS NOT NULL) AS aws_region,
  first_value(source_ip_address ORDER BY event_time, event_id) FILTER (WHERE NOT by_service) AS first_address,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls
FROM identified_calls
WHERE credential IS NOT NULL AND user_identity_arn IS NOT NULL
GROUP BY event_date, credential, user_identity_arn, issued_time, account_id
