/*
title      = "Code and a trigger for it created by an identity for the first time"
severity   = "low"
confidence = "medium"
attack     = ["T1546", "T1648", "T1053", "T1098.003"]
why        = """\
  A scheduled function keeps running with its role's permissions, even after every password was changed."""
benign     = ["A developer's first scheduled job", "A new pipeline"]
respond    = ["Read the code and its trigger", "See what the role may do and who requested it"]
[params]
warm_up_days = { default = 14, min = 1, max = 90, help = """\
  days of history an account needs before a role that was never used makes the finding medium""" }
*/
WITH steps AS (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed,
    event_source || ':' || api AS what,
    in_api_list('creates_trigger', event_source, event_name) AS is_trigger,
    named_role AS role
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND read_only IS NOT TRUE
    AND (in_api_list('creates_code', event_source, event_name)
      OR in_api_list('creates_trigger', event_source, event_name))
),
daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    first_value(role ORDER BY event_time, event_id) FILTER (WHERE NOT is_trigger AND NOT failed AND role IS NOT NULL)
      AS role,
    array_distinct(array_agg(what ORDER BY event_time, event_id)) AS apis,
    array_distinct(array_agg(what ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS apis_done,
    evidence(event_id, event_time, CAST(is_trigger AS VARCHAR)) AS evidence
  FROM steps
  GROUP BY actor, account_id, event_date
  HAVING bool_or(is_trigger) AND bool_or(NOT is_trigger)
),
-- When a role was first created, given to something or used.
met AS (
  SELECT r.role, min(r.first_time) AS since
  FROM (SELECT DISTINCT role FROM daily WHERE role IS NOT NULL) AS d
  JOIN (
    SELECT role, first_time FROM daily_role WHERE event_date < CAST($to AS DATE)
    UNION ALL
    SELECT actor AS role, first_time FROM daily_api_use WHERE event_date < CAST($to AS DATE)
  ) AS r ON r.role = d.role
  GROUP BY r.role
),
judged AS (
  SELECT
    d.*,
    -- Earlier days on which the identity created triggers.
    coalesce(p.days_before, 0) AS days_before,
    CAST(d.event_date - o.since AS BIGINT) AS account_days,
    d.role IS NOT NULL AND m.since >= d.first_time AS is_unused
  FROM daily AS d
  LEFT JOIN api_list_days AS p ON p.list = 'creates_trigger' AND p.actor = d.actor AND p.account_id = d.account_id
    AND p.event_date = d.event_date
  LEFT JOIN met AS m ON m.role = d.role
  LEFT JOIN own_account AS o ON o.account_id = d.account_id
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN is_unused THEN 0.9 ELSE 0.5 END AS score,
  -- A role that exists, was not created for this and was never used: nobody knows what it is for.
  CASE WHEN is_unused AND failures < calls AND account_days >= $warm_up_days THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to create' ELSE ' created' END
    || ' code and a trigger for it: ' || listed(coalesce(apis_done, apis), 5)
    || coalesce(', with the role ' || role || CASE WHEN is_unused THEN ', never used before' ELSE '' END, '')
    || also_failed(failures, calls) || '; for the first time' AS summary,
  evidence,
  calls AS events,
  apis,
  role,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so,
  account_days AS baseline_days_of_history
FROM judged
WHERE days_before = 0
