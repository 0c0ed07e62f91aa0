/*
title      = "Role assumed by a caller for the first time"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1550.001"]
why        = "Attackers use stolen credentials to get better ones, role by role."
benign     = ["A new member of the team that uses the role", "A new pipeline", "Somebody on call for the first time"]
respond    = [
  "Check that the role's trust policy is meant for this caller",
  "List what the session did: trailhunt query key_timeline",
]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = "days of history a role needs before its callers are known" }
min_active_days = { default = 5, min = 1, help = "days with assumptions a role needs before its callers are known" }
min_surprise    = { default = 3.5, min = 0.0, help = "minimum surprise of a new caller, in nats" }
*/
WITH daily AS (
  SELECT
    event_date, account_id, role_arn, caller, caller_account,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    CAST(sum(calls) AS BIGINT) AS calls,
    CAST(sum(failures) AS BIGINT) AS failures
  FROM daily_role_assumption
  WHERE first_time < $to
  GROUP BY event_date, account_id, role_arn, caller, caller_account
),
-- A caller is new when it first tries, and once more when it first succeeds.
judged AS MATERIALIZED (
  SELECT
    *,
    min(event_date) OVER (PARTITION BY role_arn) AS role_since,
    min(event_date) OVER (PARTITION BY caller) AS caller_since,
    CASE WHEN calls > failures
      THEN coalesce(sum(calls - failures) OVER before, 0) = 0
      ELSE coalesce(sum(calls) OVER before, 0) = 0 END AS is_new
  FROM daily
  WINDOW before AS (
    PARTITION BY role_arn, caller ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- How often a role gets a new caller, and a caller a new role, after the first week.
roles AS (
  SELECT
    role_arn, event_date,
    count(*) OVER before AS active_days,
    coalesce(sum(brought_new) OVER before, 0) AS new_days,
    coalesce(sum(begun) OVER before, 0) AS callers_before
  FROM (
    SELECT
      role_arn, event_date,
      max(CASE WHEN is_new AND event_date > role_since + INTERVAL '7 days' THEN 1 ELSE 0 END) AS brought_new,
      sum(CASE WHEN is_new AND calls > failures THEN 1 ELSE 0 END) AS begun
    FROM judged
    GROUP BY role_arn, event_date
  )
  WINDOW before AS (PARTITION BY role_arn ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
callers AS (
  SELECT
    caller, event_date,
    count(*) OVER before AS active_days,
    coalesce(sum(brought_new) OVER before, 0) AS new_days
  FROM (
    SELECT
      caller, event_date,
      max(CASE WHEN is_new AND event_date > caller_since + INTERVAL '7 days' THEN 1 ELSE 0 END) AS brought_new
    FROM judged
    GROUP BY caller, event_date
  )
  WINDOW before AS (PARTITION BY caller ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
scored AS (
  SELECT
    j.*,
    r.active_days AS role_days,
    r.new_days AS role_new_days,
    r.callers_before,
    c.active_days AS caller_days,
    -- Nats: Laplace's rule of succession for both sides.
    -ln((r.new_days + 1.0) / (r.active_days + 2.0)) - ln((c.new_days + 1.0) / (c.active_days + 2.0)) AS surprise
  FROM judged AS j
  JOIN roles AS r ON r.role_arn = j.role_arn AND r.event_date = j.event_date
  JOIN callers AS c ON c.caller = j.caller AND c.event_date = j.event_date
  WHERE j.is_new
    AND j.first_time >= $from
    AND j.event_date >= j.role_since + CAST($warm_up_days || ' days' AS INTERVAL)
    AND r.active_days >= $min_active_days
)
SELECT
  s.first_time,
  s.last_time,
  'actor' AS entity_type,
  s.caller AS entity,
  s.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 6 nats, almost twice the least that is reported.
  saturating_score(s.surprise, 6.0) AS score,
  s.caller || CASE WHEN s.failures = s.calls THEN ' tried to assume ' ELSE ' assumed ' END || s.role_arn
    || ' for the first time' || also_failed(s.failures, s.calls)
    || '; before: ' || counted(s.callers_before, 'caller', 'callers') || ' in '
    || counted(s.role_days, 'day', 'days') || ', a new one on ' || s.role_new_days AS summary,
  evidence(a.event_id, a.event_time) AS evidence,
  count(*) AS events,
  s.role_arn AS key,
  s.role_arn,
  s.caller_account,
  s.failures AS failed_calls,
  s.surprise AS surprise_nats,
  s.role_since AS baseline_since,
  s.role_days AS baseline_days_assumed,
  s.role_new_days AS baseline_days_with_a_new_caller,
  s.callers_before AS baseline_callers,
  s.caller_days AS baseline_days_caller_assumed_roles
FROM scored AS s
JOIN role_assumptions AS a ON a.role_arn = s.role_arn AND a.caller = s.caller AND a.account_id = s.account_id
  AND a.event_date = s.event_date
WHERE s.surprise >= $min_surprise
  AND a.event_time >= $from AND a.event_time < $to
GROUP BY s.first_time, s.last_time, s.caller, s.account_id, s.role_arn, s.caller_account, s.calls, s.failures,
  s.surprise, s.role_since, s.role_days, s.role_new_days, s.callers_before, s.caller_days
