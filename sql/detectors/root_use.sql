/*
title      = "Root user active"
severity   = "medium"
confidence = "medium"
kind       = "fact"
attack     = ["T1078.004"]
why        = "Root can do everything, and nobody needs it from day to day."
benign     = ["The yearly tasks that only root can do", "Opening or closing an account"]
respond    = [
  "Ask the account's owner what root was needed for",
  "account owner: change the password and the MFA device if nobody knows",
]
[params]
routine_days = { default = 5, min = 1, help = "earlier days with root activity that make it routine" }
*/
WITH daily AS (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    count(*) FILTER (WHERE read_only IS FALSE AND event_name <> 'ConsoleLogin' AND NOT failed) AS changes,
    -- Whoever is refused at the sign-in is not root. Anybody can request a new password; it is sent to root's mailbox.
    count(*) FILTER (WHERE NOT (event_source = 'signin.amazonaws.com' AND failed)
      AND api <> 'PasswordRecoveryRequested') AS calls_inside,
    count(*) FILTER (WHERE api = 'PasswordRecoveryRequested') AS recoveries,
    -- Sessions that the management account gets with AssumeRoot, for one task.
    bool_and(coalesce(json_as_text(user_identity, 'sessionContext', 'assumedRoot') = 'true', FALSE)) AS for_task,
    -- MFA of the session, or of the sign-in itself.
    bool_or(coalesce(mfa_authenticated, FALSE)
      OR coalesce(json_get_str(additional_event_data, 'MFAUsed') = 'Yes', FALSE)) AS with_mfa,
    -- Changes that keep root access after the sign-in: keys, MFA devices, the password, the recovery address.
    count(*) FILTER (WHERE api IN ('CreateAccessKey', 'DeactivateMFADevice', 'DeleteVirtualMFADevice', 'ChangePassword',
      'UpdateAccessKey', 'PasswordUpdated', 'PasswordRecoveryCompleted', 'EmailUpdated'))
      AS credential_calls,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    array_distinct(array_agg(api ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS apis_done,
    evidence(event_id, event_time, CAST(failed AS VARCHAR)) AS evidence
  FROM calls
  WHERE user_identity_type = 'Root'
    AND NOT by_service
    AND event_time >= $from AND event_time < $to
  GROUP BY actor, account_id, event_date
),
active AS (
  SELECT
    actor, event_date,
    count(*) OVER (PARTITION BY actor ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
      AS days_before
  FROM (SELECT DISTINCT actor, event_date FROM daily_api_use
        WHERE actor LIKE '%:root' AND event_date < CAST($to AS DATE))
),
judged AS (
  SELECT d.*, coalesce(a.days_before, 0) AS days_before
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_before) AS score,
  CASE WHEN calls_inside = 0 THEN 'low'
       WHEN for_task THEN CASE WHEN changes > 0 AND days_before < $routine_days THEN 'medium' ELSE 'low' END
       WHEN credential_calls > 0 THEN 'high'
       WHEN NOT with_mfa AND changes > 0 AND days_before < $routine_days THEN 'high'
       WHEN NOT with_mfa AND days_before < $routine_days THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN calls_inside = 0
         THEN 'nobody signed in as root of ' || account_id
           || CASE WHEN failures > 0 THEN ': ' || counted(failures, 'attempt was refused', 'attempts were refused')
                   ELSE '' END
           || CASE WHEN recoveries > 0
                   THEN '; a new password was requested ' || counted(recoveries, 'time', 'times') ELSE '' END
       ELSE CASE WHEN for_task THEN 'a session for a root task in ' ELSE 'root of ' END || account_id
         || CASE WHEN failures = calls THEN ' tried ' ELSE ' called ' END || listed(coalesce(apis_done, apis), 5)
         || CASE WHEN for_task THEN '' WHEN with_mfa THEN ', with MFA' ELSE ', without MFA' END
         || also_failed(failures, calls) END
    || '; active before on ' || counted(days_before, 'day', 'days') AS summary,
  evidence,
  calls AS events,
  apis,
  with_mfa,
  for_task,
  credential_calls,
  days_before AS baseline_active_days
FROM judged
