-- Calls of some identities, credentials and addresses: one row per five minutes, credential, API, outcome, place and
-- client. {days} and {wanted} are lists of bound values.
SELECT
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  actor,
  user_identity_arn AS session_arn,
  credential,
  CAST(issued_time AS VARCHAR) AS issued_time,
  access_key_id,
  user_identity_type,
  user_identity_user_name AS user_name,
  account_id,
  aws_region AS region,
  source_ip_address AS address,
  ip_country(source_ip_address) AS country,
  ip_asn(source_ip_address) AS asn,
  client,
  via,
  event_source AS service,
  api,
  CASE
    WHEN event_source = 'signin.amazonaws.com' AND api <> 'SwitchRole' THEN 'sign-in'
    -- Calls that give credentials to somebody.
    WHEN (event_source = 'sts.amazonaws.com'
        AND (api LIKE 'AssumeRo%' OR api IN ('GetFederationToken', 'GetSessionToken')))
      OR api IN ('SwitchRole', 'GetRoleCredentials')
      OR (event_source = 'rolesanywhere.amazonaws.com' AND api = 'CreateSession') THEN 'session'
    WHEN read_only IS FALSE THEN 'change'
    ELSE 'read'
  END AS kind,
  failed,
  CASE WHEN failed THEN coalesce(error_code, error_message, 'refused') END AS error,
  count(*) AS calls,
  array_agg(DISTINCT object) FILTER (WHERE object IS NOT NULL) AS objects,
  evidence(event_id, event_time) AS event_ids
FROM (
  SELECT
    *,
    object_name(request_parameters) AS object,
    date_bin(INTERVAL '5 minutes', event_time) AS bin
  FROM identified_calls
  WHERE event_date IN ({days})
    AND event_time >= $from AND event_time < $to
    AND ({wanted})
)
GROUP BY bin, actor, user_identity_arn, credential, issued_time, access_key_id, user_identity_type,
  user_identity_user_name, account_id, aws_region, source_ip_address, client, via, event_source, api, read_only, failed,
  error_code, error_message
ORDER BY first_time, api
LIMIT 50001
