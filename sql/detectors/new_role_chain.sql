/*
title      = "Roles assumed one through another as never before"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1550.001", "T1548.005"]
why        = "Attackers go from role to role until one may do what they want; programs take the same way every day."
benign     = ["A new pipeline or a new landing zone", "A person who tries what a role may do"]
respond    = [
  "Find out who is at the beginning of the chain: trailhunt query session_lineage",
  "Check that each trust policy on the way is meant for the role before it",
]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history the organisation needs to be evaluated" }
min_surprise = { default = 2.0, min = 0.0, help = """\
  minimum surprise of a day with a new chain, in nats: 2 nats are one day in 7""" }
*/
-- Sessions that were reached through at least one other role. The first step is the identity behind them.
WITH chains AS MATERIALIZED (
  SELECT
    *,
    min(event_date) OVER (PARTITION BY roles) AS chain_since,
    min(event_date) OVER (PARTITION BY from_account, into_account) AS accounts_since
  FROM (
    SELECT
      event_date, credential, session_arn, actor, origin,
      array_to_string(array_slice(steps, 2, CAST(cardinality(steps) AS BIGINT)), ' > ') AS roles,
      cardinality(steps) - 1 AS length,
      -- An identity of IAM has an account of its own; others begin in that of their first role.
      CASE WHEN starts_with(origin, 'arn:') THEN split_part(origin, ':', 5) ELSE split_part(steps[2], ':', 5) END
        AS from_account,
      split_part(steps[-1], ':', 5) AS into_account
    FROM (SELECT *, string_to_array(path, chr(10)) AS steps FROM credential_origins)
    -- Sessions of AssumeRoot are root_use's.
    WHERE event_date < CAST($to AS DATE) AND cardinality(steps) >= 3 AND steps[-1] LIKE '%:role/%'
  )
),
new_days AS (
  SELECT DISTINCT event_date FROM chains WHERE event_date = chain_since
),
-- On how many earlier days the organisation had a new chain, after its first week.
steadiness AS (
  SELECT
    event_date, since,
    count(*) OVER before AS days_before,
    coalesce(sum(CASE WHEN has_new AND event_date >= since + INTERVAL '7' DAY THEN 1 ELSE 0 END) OVER before, 0)
      AS new_days_before
  FROM (
    SELECT d.event_date, min(d.event_date) OVER () AS since, n.event_date IS NOT NULL AS has_new
    FROM (SELECT DISTINCT event_date FROM daily_account WHERE event_date < CAST($to AS DATE)) AS d
    LEFT JOIN new_days AS n ON n.event_date = d.event_date
  )
  WINDOW before AS (ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
judged AS (
  SELECT
    c.*, s.days_before, s.new_days_before,
    c.from_account <> c.into_account AND c.accounts_since = c.event_date AS is_new_account,
    -- Laplace's rule of succession.
    -ln((s.new_days_before + 1.0) / (s.days_before + 2.0)) AS surprise
  FROM chains AS c
  JOIN steadiness AS s ON s.event_date = c.event_date
  WHERE c.event_date = c.chain_since
    AND c.event_date >= CAST($from AS DATE)
    AND c.event_date >= s.since + CAST($warm_up_days AS INT)
)
SELECT
  min(e.event_time) AS first_time,
  max(e.event_time) AS last_time,
  'actor' AS entity_type,
  j.actor AS entity,
  j.into_account AS account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 5 nats, a new chain once in 150 days.
  saturating_score(j.surprise, 5.0) AS score,
  CASE WHEN j.is_new_account THEN 'medium' ELSE 'low' END AS severity,
  first_value(j.origin ORDER BY e.event_time, e.event_id) || ' reached ' || j.actor || ' through '
    || counted(j.length - 1, 'other role', 'other roles') || ' (' || j.roles || ') and '
    || CASE WHEN bool_and(e.failed) THEN 'tried ' || counted(count(*), 'call', 'calls')
            ELSE 'made ' || counted(count(*) FILTER (WHERE NOT e.failed), 'call', 'calls') END
    || also_failed(count(*) FILTER (WHERE e.failed), count(*))
    || '; nobody came this way before'
    || CASE WHEN j.is_new_account
            THEN ', and nobody of account ' || j.from_account || ' to account ' || j.into_account || ' by any way'
            ELSE '' END
    || '; a new chain on ' || j.new_days_before || ' of ' || counted(j.days_before, 'day', 'days') || ' before'
    AS summary,
  evidence(e.event_id, e.event_time) AS evidence,
  count(*) AS events,
  j.roles AS key,
  j.roles AS chain,
  j.from_account,
  j.is_new_account,
  count(*) FILTER (WHERE e.failed) AS failed_calls,
  j.surprise AS surprise_nats,
  j.days_before AS baseline_days,
  j.new_days_before AS baseline_days_with_a_new_chain
FROM judged AS j
JOIN identified_calls AS e ON e.user_identity_arn = j.session_arn AND e.event_date = j.event_date
  AND e.credential = j.credential
WHERE e.event_time >= $from AND e.event_time < $to
  AND j.surprise >= $min_surprise
GROUP BY j.actor, j.into_account, j.from_account, j.roles, j.length, j.is_new_account, j.surprise, j.days_before,
  j.new_days_before, j.event_date
