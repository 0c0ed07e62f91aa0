-- Events with what every detector asks of them: the API without its version, the kind of failure, who really made the
-- call. Events without an identity are left out: nobody's habits.
SELECT
  events.*,
  api_name(event_name) AS api,
  error_family(error_code, error_message) AS error_family,
  error_code IS NOT NULL OR error_message IS NOT NULL AS failed,
  -- A service did it, or did it on somebody's behalf: not the identity's own network, client or habits.
  coalesce(user_identity_type = 'AWSService', FALSE)
    OR invoked_by IS NOT NULL
    OR coalesce(is_service_caller(source_ip_address), FALSE) AS by_service,
  -- What is called with, and where that runs: aws-cli on macOS.
  user_agent_family(user_agent) || coalesce(' on ' || operating_system(user_agent), '') AS client,
  -- Whose hands hold the credentials: a person wherever they are; of a role that many machines wear, one session at a
  -- time.
  CASE WHEN user_identity_type IN ('IAMUser', 'Root', 'IdentityCenterUser') OR actor LIKE '%:assumed-role/%' THEN actor
       ELSE access_key_id END AS holder,
  -- EC2 names the session after the instance; the record says when it handed the credentials out.
  coalesce(regexp_like(session_name, '^i-[0-9a-f]{8,17}$'), FALSE)
    OR coalesce(user_identity LIKE '%"ec2RoleDelivery"%', FALSE) AS of_instance
FROM events
WHERE actor IS NOT NULL
