-- One row a holder of credentials, address and day: whose hands, from where. The holder is a person wherever they are; of
-- a role that many machines wear, one session at a time.
SELECT
  event_date,
  account_id,
  actor,
  CASE WHEN user_identity_type IN ('IAMUser', 'Root', 'IdentityCenterUser') OR actor LIKE '%:assumed-role/%' THEN actor
       ELSE access_key_id END AS holder,
  source_ip_address,
  vpc_endpoint_id IS NOT NULL AS through_endpoint,
  -- EC2 names the session after the instance; the record says when it handed the credentials out.
  coalesce(regexp_like(session_name, '^i-[0-9a-f]{8,17}$'), FALSE)
    OR coalesce(user_identity LIKE '%"ec2RoleDelivery"%', FALSE) AS of_instance,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  bool_or(coalesce(mfa_authenticated, FALSE)) AS with_mfa
FROM calls
WHERE NOT by_service
GROUP BY event_date, account_id, actor,
  CASE WHEN user_identity_type IN ('IAMUser', 'Root', 'IdentityCenterUser') OR actor LIKE '%:assumed-role/%' THEN actor
       ELSE access_key_id END,
  source_ip_address,
  vpc_endpoint_id IS NOT NULL,
  coalesce(regexp_like(session_name, '^i-[0-9a-f]{8,17}$'), FALSE)
    OR coalesce(user_identity LIKE '%"ec2RoleDelivery"%', FALSE)
