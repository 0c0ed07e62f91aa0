-- Events with what every detector needs: the API without its version, the kind of failure, whether a service or an
-- agent made the call. Events without an identity are left out: they belong to no baseline.
SELECT
  events.*,
  api_name(event_name) AS api,
  error_family(error_code, error_message) AS error_family,
  -- Identity Center reports a refused sign-in without an error.
  error_code IS NOT NULL OR error_message IS NOT NULL
    OR CASE WHEN event_source = 'signin.amazonaws.com'
            THEN coalesce(json_get_str(service_event_details, 'CredentialVerification') = 'Failure', FALSE)
            ELSE FALSE END AS failed,
  -- It changes something other than data. The call of an agent's tool changes nothing: what the agent does then is
  -- recorded beside it.
  NOT coalesce(read_only, TRUE) AND coalesce(management_event, TRUE) AND event_type IS DISTINCT FROM 'AwsMcpEvent'
    AS is_change,
  -- A service made the call, by itself or for somebody: network and client are not those of the identity. What an agent
  -- does belongs to the identity that it acts for.
  coalesce(user_identity_type = 'AWSService', FALSE)
    OR (agent IS NULL AND (invoked_by IS NOT NULL OR coalesce(is_service_caller(source_ip_address), FALSE)))
    AS by_service,
  call_via(user_agent, source_ip_address, invoked_by, session_credential_from_console) AS via,
  -- Program and operating system: aws-cli on macOS. For a call of an agent, the agent.
  coalesce(agent, user_agent_family(user_agent) || coalesce(' on ' || operating_system(user_agent), '')) AS client,
  -- Who holds the credentials: a person, or one session of a role that many machines assume.
  -- A sign-in without a name belongs to somebody of the account.
  CASE WHEN actor = user_identity_account_id THEN NULL
       WHEN user_identity_type IN ('IAMUser', 'Root', 'IdentityCenterUser', 'Unknown') THEN actor
       WHEN actor LIKE '%:assumed-role/%' THEN actor
       ELSE access_key_id END AS holder,
  -- Access key, session and time of issue together identify a temporary credential: copies of logs often have one key
  -- for all sessions, or none. A session of the console begins with its sign-in; the epoch if not logged.
  CASE WHEN user_identity_type IN ('AssumedRole', 'FederatedUser')
         THEN CASE WHEN access_key_id LIKE 'ASIA%' THEN access_key_id ELSE user_identity_arn END
       WHEN user_identity_type IN ('IAMUser', 'Root') AND access_key_id LIKE 'ASIA%' THEN access_key_id
  END AS credential,
  coalesce(session_creation_time, CASE WHEN event_source = 'signin.amazonaws.com' THEN event_time END,
    to_timestamp_micros(0, 'UTC')) AS issued_time,
  -- EC2 names the session after the instance; the record says when it handed the credentials out.
  coalesce(regexp_like(session_name, '^i-[0-9a-f]{8,17}$'), FALSE)
    OR coalesce(contains(user_identity, '"ec2RoleDelivery"'), FALSE) AS of_instance,
  -- Role or instance profile that the request names, as when something is given a role to run with.
  regexp_match(request_parameters, 'arn:[a-z-]+:iam::[0-9]{12}:(?:role|instance-profile)/[^"\\]+')[1] AS named_role
FROM (
  -- An agent that acts for the identity: its host name is in source_ip_address and user_agent, and is no place.
  SELECT *, CASE WHEN user_identity_type IS DISTINCT FROM 'AWSService' THEN agent_name(invoked_by) END AS agent
  FROM unique_events
) AS events
WHERE actor IS NOT NULL
