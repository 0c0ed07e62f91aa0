/*
title      = "Sensitive change to permissions, keys or what is shared"
severity   = "medium"
confidence = "medium"
attack     = ["T1098", "T1098.001", "T1098.003", "T1136.003", "T1484.002", "T1530", "T1537", "T1562.007", "T1485", "T1556.006"]
why        = "Escalation, persistence and theft all pass through a handful of calls, whether they succeed or not."
benign     = ["Onboarding and key rotation by those whose work it is", "Infrastructure code"]
respond    = ["Check the change against a ticket or a commit", "Undo it when nobody asked for it"]
[params]
routine_days = { default = 3, min = 1, help = "an identity that did the same on this many earlier days does it by routine" }
*/
WITH daily AS (
  SELECT
    actor, account_id, category, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    max(technique) AS technique,
    max(weight) AS weight,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(api ORDER BY event_time)) AS apis,
    array_distinct(array_agg(coalesce(target, 'itself') ORDER BY event_time)) AS targets,
    evidence(event_id, event_time) AS evidence
  FROM sensitive_calls
  WHERE event_time >= $from AND event_time < $to
  GROUP BY actor, account_id, category, event_date
),
active AS (
  SELECT
    actor, account_id, category, event_date,
    count(*) OVER (PARTITION BY actor, account_id, category ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (SELECT DISTINCT actor, account_id, category, event_date FROM daily_sensitive)
),
judged AS (
  SELECT d.*, coalesce(a.days_before, 0) AS days_before
  FROM daily AS d
  LEFT JOIN active AS a
    ON a.actor = d.actor AND a.account_id = d.account_id AND a.category = d.category AND a.event_date = d.event_date
),
level AS (
  SELECT *, weight - CASE WHEN days_before >= $routine_days THEN 1 ELSE 0 END AS level
  FROM judged
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_before) AS score,
  CASE WHEN level >= 3 THEN 'high' WHEN level = 2 THEN 'medium' WHEN level = 1 THEN 'low' ELSE 'informational' END AS severity,
  make_array(technique) AS attack,
  category || CASE WHEN failures = calls THEN ' (tried, all failed)' WHEN failures > 0 THEN ' (' || failures || ' of ' || calls || ' tries failed)' ELSE '' END
    || ': ' || actor || ' called ' || array_to_string(array_slice(apis, 1, 4), ', ') || ' on ' || array_to_string(array_slice(targets, 1, 3), ', ')
    || CASE WHEN days_before = 0 THEN '; never before' ELSE '; it had on ' || days_before || ' days before' END AS summary,
  evidence,
  calls AS events,
  category AS key,
  category,
  apis,
  targets,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so
FROM level
