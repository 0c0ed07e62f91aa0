-- One row per user and day with sign-ins to the console: with MFA and without.
WITH sign_in AS (
  SELECT
    event_date, event_time, event_id, account_id, actor, source_ip_address,
    json_get_str(additional_event_data, 'MFAUsed') AS mfa_used
  FROM identified_calls
  WHERE event_source = 'signin.amazonaws.com'
    AND api = 'ConsoleLogin'
    AND json_get_str(response_elements, 'ConsoleLogin') = 'Success'
    -- Roles sign in through an identity provider that asks for MFA itself; CloudTrail records No for all of them.
    AND user_identity_type IN ('IAMUser', 'Root')
)
SELECT
  event_date,
  account_id,
  actor,
  min(event_time) FILTER (WHERE mfa_used = 'No') AS first_time,
  max(event_time) FILTER (WHERE mfa_used = 'No') AS last_time,
  count(*) FILTER (WHERE mfa_used = 'No') AS without_mfa,
  count(*) FILTER (WHERE mfa_used = 'Yes') AS with_mfa,
  max(source_ip_address) FILTER (WHERE mfa_used = 'No') AS source_ip_address,
  evidence(event_id, event_time) FILTER (WHERE mfa_used = 'No') AS evidence
FROM sign_in
GROUP BY event_date, account_id, actor
