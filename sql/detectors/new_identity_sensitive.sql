/*
title      = "New identity that begins with sensitive or denied calls"
severity   = "low"
confidence = "medium"
attack     = ["T1136.003", "T1098.001", "T1078.004"]
why        = "A spare identity is made to be used at once, and for the things its maker could not do quietly."
benign     = ["Onboarding of an administrator", "The first run of a new pipeline"]
respond    = ["Find out who made the identity and on whose order", "Disable it until that is clear"]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = "days of history an account needs before an identity can be new in it" }
min_denied_apis = { default = 5, min = 1, help = "different APIs denied within one hour of the first day" }
routine_days    = { default = 3, min = 1, help = "whoever made identities on this many earlier days does it by routine" }
*/
-- On its first day anywhere: a person known from another account of ours has been let into one more.
WITH begun AS (
  SELECT u.actor, u.account_id, u.event_date AS begun
  FROM (SELECT DISTINCT actor, event_date FROM novelties WHERE kind = 'api' AND first_time = known_since AND event_date >= CAST($from AS DATE) AND first_time >= $from) AS n
  JOIN daily_activity AS u ON u.actor = n.actor AND u.event_date = n.event_date
  WHERE u.event_date >= CAST($from AS DATE) AND u.event_date < CAST($to AS DATE)
),
new_identity AS (
  SELECT b.*, a.account_since
  FROM begun AS b
  JOIN (SELECT account_id, min(event_date) AS account_since FROM daily_activity GROUP BY account_id) AS a ON a.account_id = b.account_id
  WHERE b.begun >= a.account_since + CAST($warm_up_days || ' days' AS INTERVAL)
),
sensitive AS (
  SELECT
    actor, account_id, event_date,
    max(weight) AS weight,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(category ORDER BY weight DESC, event_time, event_id)) AS categories,
    array_distinct(array_agg(technique ORDER BY weight DESC, event_time, event_id)) AS techniques
  FROM sensitive_calls
  WHERE event_date >= CAST($from AS DATE) AND event_time >= $from AND event_time < $to
  GROUP BY actor, account_id, event_date
),
denied AS (
  SELECT actor, account_id, event_date, max(denied_apis) AS denied_apis
  FROM hourly_activity
  WHERE event_date >= CAST($from AS DATE) AND hour >= $from AND hour < $to
  GROUP BY actor, account_id, event_date
),
-- Who made users and roles within the window, and on how many days before.
made AS (
  SELECT
    account_id, event_date, actor AS maker,
    coalesce(json_get_str(request_parameters, 'userName'), json_get_str(request_parameters, 'roleName')) AS name
  FROM calls
  WHERE event_source = 'iam.amazonaws.com' AND api IN ('CreateUser', 'CreateRole')
    AND NOT failed
    AND event_time >= $from AND event_time < $to
),
makers AS (
  SELECT
    actor AS maker, account_id, event_date,
    count(*) OVER (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (
    SELECT DISTINCT actor, account_id, event_date
    FROM daily_api_use
    WHERE event_source = 'iam.amazonaws.com' AND api IN ('CreateUser', 'CreateRole')
  )
),
created AS (
  SELECT m.account_id, m.event_date, m.name, max(m.maker) AS maker, max(k.days_before) AS maker_days
  FROM made AS m
  JOIN makers AS k ON k.maker = m.maker AND k.account_id = m.account_id AND k.event_date = m.event_date
  GROUP BY m.account_id, m.event_date, m.name
),
judged AS (
  SELECT
    n.actor, n.account_id, n.begun, n.account_since,
    coalesce(s.weight, 0) AS weight,
    coalesce(s.calls, 0) AS sensitive_calls,
    coalesce(s.failures, 0) AS failures,
    coalesce(s.categories, make_array()) AS categories,
    coalesce(s.techniques, make_array()) AS techniques,
    coalesce(d.denied_apis, 0) AS denied_apis,
    c.maker,
    c.maker_days
  FROM new_identity AS n
  LEFT JOIN sensitive AS s ON s.actor = n.actor AND s.account_id = n.account_id AND s.event_date = n.begun
  LEFT JOIN denied AS d ON d.actor = n.actor AND d.account_id = n.account_id AND d.event_date = n.begun
  LEFT JOIN created AS c ON c.account_id = n.account_id AND c.event_date = n.begun
    AND c.name = regexp_replace(n.actor, '^.*[:/]', '')
)
SELECT
  min(c.event_time) AS first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  j.actor AS entity,
  j.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-(j.weight + j.denied_apis / $min_denied_apis) / 3.0) AS score,
  -- Made the same day by somebody whose work it is not, and at it at once.
  CASE WHEN j.maker_days < $routine_days AND j.weight >= 2 THEN 'medium'
       WHEN j.maker_days >= $routine_days THEN 'informational'
       ELSE 'low' END AS severity,
  CASE WHEN cardinality(j.techniques) > 0 THEN j.techniques ELSE make_array('T1078.004') END AS attack,
  j.actor || ', never seen before in ' || (j.begun - j.account_since) || ' days of account ' || j.account_id || ', began with '
    || CASE WHEN j.sensitive_calls > 0 THEN array_to_string(array_slice(j.categories, 1, 3), ', ')
         || CASE WHEN j.failures = j.sensitive_calls THEN ' (tried, all failed)' ELSE '' END ELSE 'no sensitive calls' END
    || ' and ' || j.denied_apis || ' APIs denied in an hour'
    || CASE WHEN j.maker IS NULL THEN '' WHEN j.maker_days = 0 THEN '; made that day by ' || j.maker || ', who never made one before'
         ELSE '; made that day by ' || j.maker || ', who did so on ' || j.maker_days || ' days before' END AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  j.categories,
  j.denied_apis,
  j.failures AS failed_calls,
  j.maker,
  j.account_since AS baseline_since,
  j.maker_days AS baseline_days_its_maker_made_others
FROM judged AS j
JOIN calls AS c ON c.actor = j.actor AND c.account_id = j.account_id AND c.event_date = j.begun
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND (j.weight >= 2 OR j.denied_apis >= $min_denied_apis)
GROUP BY j.actor, j.account_id, j.begun, j.account_since, j.weight, j.sensitive_calls, j.failures, j.categories, j.techniques,
  j.denied_apis, j.maker, j.maker_days
