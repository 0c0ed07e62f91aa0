/*
title      = "Console sign-in without MFA"
severity   = "medium"
confidence = "medium"
kind       = "fact"
attack     = ["T1078.004"]
why        = "A password was enough to sign in to the console: anybody who knows it can do the same."
benign     = ["A user for whom MFA was never set up", "A federated sign-in whose provider enforces MFA"]
respond    = ["Ask the user whether it was them", "IAM administrator: require MFA by policy"]
[params]
warm_up_days = { default = 7, min = 0, help = """\
  days of history an account needs before a user without MFA is rated medium""" }
routine_days = { default = 3, min = 1, help = """\
  earlier days with a sign-in without MFA that make it routine for the user""" }
*/
WITH judged AS (
  SELECT
    *,
    count(*) FILTER (WHERE without_mfa > 0) OVER before AS days_without,
    count(*) FILTER (WHERE with_mfa > 0) OVER before AS days_with
  FROM daily_sign_in
  WHERE event_date < CAST($to AS DATE)
  WINDOW before AS (PARTITION BY actor ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
aged AS (
  SELECT j.*, CAST(j.event_date - o.since AS BIGINT) AS account_days
  FROM judged AS j
  LEFT JOIN own_account AS o ON o.account_id = j.account_id
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_without) AS score,
  -- A user who has a device and signs in without it is worse than one who never had one.
  CASE WHEN days_with > 0 AND days_without = 0 THEN 'high'
       WHEN days_without >= $routine_days THEN 'informational'
       WHEN days_without > 0 THEN 'low'
       -- In the first days every user is new.
       WHEN coalesce(account_days, 0) < $warm_up_days THEN 'low'
       ELSE 'medium' END AS severity,
  actor || ' signed in to the console without MFA from ' || coalesce(source_ip_address, 'an unknown address')
    || '; before: ' || counted(days_with, 'day', 'days') || ' with MFA, ' || counted(days_without, 'day', 'days')
    || ' without' AS summary,
  evidence,
  without_mfa AS events,
  source_ip_address,
  days_with AS baseline_days_with_mfa,
  days_without AS baseline_days_without_mfa
FROM aged
WHERE without_mfa > 0
  AND first_time >= $from
