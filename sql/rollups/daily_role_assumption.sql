-- One row per role, caller and day: who assumes which role, and how.
SELECT
  event_date,
  account_id,
  role_arn,
  caller,
  caller_account,
  api AS kind,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures
FROM role_assumptions
WHERE role_arn IS NOT NULL AND caller IS NOT NULL
GROUP BY event_date, account_id, role_arn, caller, caller_account, api
