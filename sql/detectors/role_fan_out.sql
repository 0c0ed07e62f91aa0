/*
title      = "One identity uses unusually many roles within a day"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1580", "T1087.004"]
why        = "Somebody with stolen credentials tries every role that they open; owners use the few that they need."
benign     = ["A new inventory or posture scan", "A move of accounts or roles by their owner"]
respond    = [
  "List the sessions and what they did: trailhunt query session_lineage",
  "IAM administrator: restrict the trust policies that let the identity in",
]
chart      = { observed = "roles", usual = ["most_roles_in_a_day"] }
[params]
min_roles    = { default = 3, min = 2, help = "roles within one day" }
factor       = { default = 1.5, min = 1.0, help = "roles as a multiple of the identity's previous maximum in a day" }
min_nats     = { default = 5.0, min = 0.0, help = """\
  rarity of such a rise among the earlier days of all identities, in nats: 5 nats are one in 150""" }
warm_up_days = { default = 7, min = 1, help = "days of history the organisation needs to be evaluated" }
*/
-- The identities behind sessions, and the roles each of them got that day. Services give credentials to everybody.
WITH given AS MATERIALIZED (
  SELECT event_date, origin, credential, session_arn, split_part(path, chr(10), -1) AS role
  FROM credential_origins
  WHERE event_date < CAST($to AS DATE)
    AND origin <> 'unknown'
    AND NOT coalesce(is_service_caller(origin), FALSE)
    AND strpos(path, chr(10)) > 0
),
began AS (
  SELECT min(event_date) AS since FROM daily_account WHERE event_date < CAST($to AS DATE)
),
-- Each day of an identity, and whether it had more roles than ever before. Its first day is no rise.
days AS MATERIALIZED (
  SELECT
    event_date, origin, roles,
    coalesce(max(roles) OVER before, 0) AS most_before,
    count(*) OVER before AS days_before,
    count(*) OVER before > 0 AND roles > $factor * max(roles) OVER before AS is_wider
  FROM (SELECT event_date, origin, count(DISTINCT role) AS roles FROM given GROUP BY event_date, origin)
  WINDOW before AS (PARTITION BY origin ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- New identities too: they had none before.
wide AS MATERIALIZED (
  SELECT d.*
  FROM days AS d
  CROSS JOIN began AS b
  WHERE d.event_date >= CAST($from AS DATE)
    AND d.event_date >= b.since + CAST($warm_up_days AS INT)
    AND d.roles >= $min_roles
    AND d.roles > $factor * d.most_before
),
earlier AS (
  SELECT
    w.origin, w.event_date,
    count(*) FILTER (WHERE d.is_wider AND d.roles >= w.roles) AS as_wide_before,
    count(d.event_date) AS identity_days_before
  FROM wide AS w
  LEFT JOIN days AS d ON d.event_date < w.event_date
  GROUP BY w.origin, w.event_date
),
scored AS (
  SELECT
    w.*, e.as_wide_before, e.identity_days_before,
    -- Laplace's rule of succession.
    -ln((e.as_wide_before + 1.0) / (e.identity_days_before + 2.0)) AS nats
  FROM wide AS w
  JOIN earlier AS e ON e.origin = w.origin AND e.event_date = w.event_date
),
-- The calls of their sessions. They are joined by credential afterwards, because it would be computed for every event.
used AS MATERIALIZED (
  SELECT c.event_id, c.event_time, c.event_date, c.account_id, c.user_identity_arn, c.credential, c.failed
  FROM (
    SELECT DISTINCT g.session_arn, g.event_date
    FROM scored AS s
    JOIN given AS g ON g.origin = s.origin AND g.event_date = s.event_date
    WHERE s.nats >= $min_nats
  ) AS g
  JOIN identified_calls AS c ON c.user_identity_arn = g.session_arn AND c.event_date = g.event_date
  WHERE c.event_time >= $from AND c.event_time < $to
)
SELECT
  min(c.event_time) AS first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  s.origin AS entity,
  first_value(c.account_id ORDER BY c.event_time, c.event_id) AS account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 15 nats, as for regions.
  saturating_score(s.nats, 15.0) AS score,
  s.origin || ' used ' || counted(s.roles, 'role', 'roles') || ' in a day'
    || CASE WHEN bool_and(c.failed) THEN ', all calls failed' ELSE '' END
    || also_failed(count(*) FILTER (WHERE c.failed), count(*))
    || '; previous maximum: ' || s.most_before || ' (' || counted(s.days_before, 'day', 'days')
    || '); as great a rise on ' || s.as_wide_before || ' of '
    || counted(s.identity_days_before, 'day', 'days') || ' of all identities' AS summary,
  evidence(c.event_id, c.event_time, g.role) AS evidence,
  count(*) AS events,
  s.roles,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  s.nats AS rarity_nats,
  s.most_before AS baseline_most_roles_in_a_day,
  s.days_before AS baseline_days,
  s.as_wide_before AS baseline_identity_days_as_wide,
  s.identity_days_before AS baseline_identity_days
FROM scored AS s
JOIN given AS g ON g.origin = s.origin AND g.event_date = s.event_date
JOIN used AS c ON c.user_identity_arn = g.session_arn AND c.event_date = g.event_date AND c.credential = g.credential
WHERE s.nats >= $min_nats
GROUP BY s.origin, s.roles, s.most_before, s.days_before, s.as_wide_before, s.identity_days_before, s.nats, s.event_date
