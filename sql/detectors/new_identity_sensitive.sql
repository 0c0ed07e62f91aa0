/*
title      = "New identity that starts with sensitive or denied calls"
severity   = "low"
confidence = "medium"
attack     = ["T1136.003", "T1098.001", "T1078.004"]
why        = """\
  Attackers create an identity and use it at once, because calls by the one they stole could be noticed."""
benign     = ["Onboarding of an administrator", "The first run of a new pipeline"]
respond    = [
  "Find out who created the identity and who requested it",
  "IAM administrator: disable it until that is clear",
]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = """\
  days of history an account needs before an identity can be new in it""" }
min_denied_apis = { default = 5, min = 1, help = "different APIs denied within one hour of the first day" }
min_weight      = { default = 2, min = 1, max = 3, help = """\
  weight of the sensitive calls of the first day, from 1 (daily work) to 3 (full access)""" }
routine_days    = { default = 3, min = 1, help = """\
  earlier days on which the creator created identities that make it their routine""" }
*/
-- On its first day in any account: a person known from another of our accounts is not new.
WITH begun AS (
  SELECT u.actor, u.account_id, u.event_date AS begun
  FROM (
    SELECT DISTINCT actor, event_date
    FROM novelties
    WHERE kind = 'api' AND first_time = known_since AND event_date >= CAST($from AS DATE)
      AND first_time >= $from AND first_time < $to
  ) AS n
  JOIN daily_activity AS u ON u.actor = n.actor AND u.event_date = n.event_date
  WHERE u.event_date >= CAST($from AS DATE) AND u.event_date < CAST($to AS DATE)
),
new_identity AS (
  SELECT b.*, a.account_since
  FROM begun AS b
  JOIN (SELECT account_id, min(event_date) AS account_since FROM daily_activity WHERE event_date < CAST($to AS DATE)
        GROUP BY account_id) AS a
    ON a.account_id = b.account_id
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
-- The most APIs denied within 60 minutes of the first day.
denied AS (
  SELECT actor, account_id, event_date, max(denied_apis) AS denied_apis
  FROM (
    SELECT
      c.actor, c.account_id, c.event_date,
      count(DISTINCT c.event_source || ':' || c.api) OVER (
        PARTITION BY c.actor, c.account_id ORDER BY c.event_time
        RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS denied_apis
    FROM new_identity AS n
    JOIN calls AS c ON c.actor = n.actor AND c.account_id = n.account_id AND c.event_date = n.begun
    WHERE NOT c.by_service
      AND c.error_family = 'denied'
      AND c.event_time >= $from AND c.event_time < $to
  )
  GROUP BY actor, account_id, event_date
),
-- Who creates users and roles, and on how many days they did so before.
makers AS (
  SELECT
    actor AS maker, account_id, event_date,
    count(*) OVER (
      PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
      AS days_before
  FROM (
    SELECT DISTINCT actor, account_id, event_date
    FROM daily_api_use
    WHERE event_source = 'iam.amazonaws.com' AND api IN ('CreateUser', 'CreateRole')
      AND event_date < CAST($to AS DATE)
  )
),
created AS (
  SELECT i.account_id, i.event_date, i.name, max(i.maker) AS maker, max(m.days_before) AS maker_days
  FROM created_identities AS i
  JOIN makers AS m ON m.maker = i.maker AND m.account_id = i.account_id AND m.event_date = i.event_date
  WHERE i.event_time >= $from AND i.event_time < $to
  GROUP BY i.account_id, i.event_date, i.name
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
  -- Scale: the highest weight, or three times the denied APIs that are reported.
  saturating_score(j.weight + j.denied_apis / $min_denied_apis, 3.0) AS score,
  -- Created that day by somebody who rarely creates identities, and used for sensitive calls at once.
  CASE WHEN j.maker_days < $routine_days AND j.weight >= $min_weight THEN 'medium'
       WHEN j.maker_days >= $routine_days THEN 'informational'
       ELSE 'low' END AS severity,
  CASE WHEN cardinality(j.techniques) > 0 THEN j.techniques ELSE make_array('T1078.004') END AS attack,
  j.actor
    || CASE WHEN j.sensitive_calls > j.failures THEN ' made sensitive calls: ' || listed(j.categories, 3)
            WHEN j.sensitive_calls > 0 THEN ' tried sensitive calls, and all failed: ' || listed(j.categories, 3)
            ELSE ' made no sensitive calls' END
    || CASE WHEN j.sensitive_calls > j.failures THEN also_failed(j.failures, j.sensitive_calls) ELSE '' END
    || CASE WHEN j.denied_apis > 0
            THEN '; ' || counted(j.denied_apis, 'API', 'APIs') || ' denied in an hour' ELSE '' END
    || '; the identity is new in account ' || j.account_id || ' (' || counted(j.begun - j.account_since, 'day', 'days')
    || ' of history)'
    || CASE WHEN j.maker IS NULL THEN ''
            WHEN j.maker_days = 0 THEN ', created that day by ' || j.maker || ', who never created one before'
            ELSE ', created that day by ' || j.maker || ', who did so on '
              || counted(j.maker_days, 'earlier day', 'earlier days') END AS summary,
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
  AND (j.weight >= $min_weight OR j.denied_apis >= $min_denied_apis)
GROUP BY j.actor, j.account_id, j.begun, j.account_since, j.weight, j.sensitive_calls, j.failures, j.categories,
  j.techniques, j.denied_apis, j.maker, j.maker_days
