/*
title      = "Many failed sign-ins from one address, or for many users"
severity   = "medium"
confidence = "high"
attack     = ["T1110.003", "T1110.001"]
why        = "Guessing passwords causes failed sign-ins; a success after them may be the break-in."
benign     = ["A forgotten password, a few tries of one user", "An office behind one address on password-change day"]
respond    = [
  "IAM administrator: reset the password of the user who signed in and revoke their sessions",
  "Ask why the account allows sign-in without MFA",
]
[params]
min_failures = { default = 10, min = 2, help = "failed sign-ins from one address within a day" }
min_users    = { default = 4, min = 2, help = "or different users with failed sign-ins from one address within a day" }
*/
WITH sign_in AS (
  SELECT
    *,
    coalesce(json_get_str(response_elements, 'ConsoleLogin') = 'Failure', FALSE)
      OR coalesce(error_family = 'login_failed', FALSE)
      -- A sign-in through Identity Center: each factor is verified, and then the user is signed in.
      OR (api = 'CredentialVerification' AND failed) AS refused,
    coalesce(user_identity_user_name, json_get_str(additional_event_data, 'UserName'), actor) AS user_name
  FROM calls
  WHERE event_source = 'signin.amazonaws.com'
    AND (api = 'ConsoleLogin'
      OR (api = 'CredentialVerification' AND failed)
      OR (api = 'UserAuthentication' AND json_get_str(service_event_details, 'UserAuthentication') = 'Success'))
    AND event_time >= $from AND event_time < $to
),
-- Sign-ins before the first failure of the day are left out: they are everyday sign-ins of an office.
since_failure AS (
  SELECT
    *,
    min(event_time) FILTER (WHERE refused) OVER of_address AS first_refused,
    -- One user, unless they differ. AWS hides names that do not exist.
    min(user_name) FILTER (WHERE refused) OVER of_address AS first_name,
    max(user_name) FILTER (WHERE refused) OVER of_address AS last_name
  FROM sign_in
  WINDOW of_address AS (PARTITION BY source_ip_address, event_date)
),
daily AS MATERIALIZED (
  SELECT
    source_ip_address, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) FILTER (WHERE refused) AS failures,
    count(DISTINCT CASE WHEN refused THEN user_name END) AS users,
    max(event_time) FILTER (WHERE NOT refused) AS last_success,
    min(event_time) FILTER (WHERE refused) AS first_failure,
    last_value(actor ORDER BY event_time, event_id) FILTER (WHERE NOT refused) AS actor,
    max(account_id) AS account_id,
    count(*) AS events,
    -- Many failures must not leave out the success.
    evidence(event_id, event_time, CAST(refused AS VARCHAR)) AS evidence
  FROM since_failure
  WHERE source_ip_address IS NOT NULL AND event_time >= first_refused
    -- If one user fails, colleagues who sign in at the same address do not get in by it.
    AND (refused OR first_name <> last_name OR user_name = first_name OR first_name LIKE 'HIDDEN_DUE_TO_%')
  GROUP BY source_ip_address, event_date
),
-- Users who forgot a password try again from an address they used before, or, where addresses change, in a network
-- they have used for a week and with the usual client.
at_home AS (
  SELECT DISTINCT d.source_ip_address, d.event_date
  FROM daily AS d
  JOIN daily_address AS n ON n.actor = d.actor AND n.event_date < d.event_date AND n.event_date < CAST($to AS DATE)
  LEFT JOIN unfamiliar($from, $to) AS u
    ON u.actor = d.actor AND u.event_date = d.event_date
    AND (u.kind = 'user_agent' OR u.item = CAST(ip_asn(d.source_ip_address) AS VARCHAR))
  WHERE n.calls > n.failures
    AND (n.source_ip_address = d.source_ip_address
      OR (u.actor IS NULL AND ip_asn(n.source_ip_address) = ip_asn(d.source_ip_address)))
),
judged AS (
  SELECT
    d.*,
    d.last_success > d.first_failure AS got_in,
    h.source_ip_address IS NOT NULL AND d.users = 1 AND d.last_success > d.first_failure AS is_at_home
  FROM daily AS d
  LEFT JOIN at_home AS h ON h.source_ip_address = d.source_ip_address AND h.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'ip' AS entity_type,
  source_ip_address AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 30 failures; a user counts for three.
  saturating_score(failures + 3.0 * users, 30.0) AS score,
  CASE WHEN is_at_home THEN 'low' WHEN got_in THEN 'high' ELSE 'medium' END AS severity,
  CASE WHEN got_in THEN actor || ' signed in' ELSE 'nobody signed in' END || ' from ' || source_ip_address
    || coalesce(' in ' || ip_country(source_ip_address), '') || ' after '
    || counted(failures, 'failed sign-in', 'failed sign-ins') || ' for ' || counted(users, 'user', 'users')
    || CASE WHEN is_at_home THEN '; it signed in from there before' ELSE '' END AS summary,
  evidence,
  events,
  CASE WHEN got_in THEN actor END AS actor,
  failures AS failed_sign_ins,
  users,
  coalesce(is_at_home, FALSE) AS baseline_address_is_known,
  ip_country(source_ip_address) AS country,
  ip_organisation(source_ip_address) AS organisation
FROM judged
WHERE (failures >= $min_failures OR users >= $min_users)
