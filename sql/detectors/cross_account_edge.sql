/*
title      = "First calls between two accounts"
severity   = "low"
confidence = "medium"
attack     = ["T1199", "T1550.001", "T1078.004"]
why        = "Trust between accounts bypasses the controls that protect the trusting account."
benign     = ["A new supplier", "A new account of the organisation", "The roll-out of a landing zone"]
respond    = ["Find out who owns the other account", "Find out who wrote the trust policy that allowed the calls"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an account needs to be evaluated" }
min_surprise = { default = 2.0, min = 0.0, help = """\
  minimum surprise of an account from outside the organisation for a medium finding, in nats""" }
*/
WITH judged AS MATERIALIZED (
  SELECT *, min(event_date) OVER (PARTITION BY from_account, into_account) AS edge_since
  FROM daily_cross_account
  WHERE first_time < $to
    -- Some callers have no account of their own, such as services.
    AND regexp_like(from_account, '^[0-9]{12}$') AND regexp_like(into_account, '^[0-9]{12}$')
),
-- On how many days an account had first calls with another account, after its first week.
known AS (
  SELECT account_id, event_date, min(event_date) OVER (PARTITION BY account_id) AS account_since
  FROM daily_account
  WHERE first_time < $to
),
steadiness AS (
  SELECT
    k.account_id, k.event_date, k.account_since,
    count(*) OVER before AS active_days,
    coalesce(sum(CASE WHEN n.account_id IS NOT NULL AND k.event_date > k.account_since + INTERVAL '7 days'
                      THEN 1 ELSE 0 END) OVER before, 0) AS new_days
  FROM known AS k
  LEFT JOIN (SELECT DISTINCT account_id, event_date FROM judged WHERE event_date = edge_since) AS n
    ON n.account_id = k.account_id AND n.event_date = k.event_date
  WINDOW before AS (
    PARTITION BY k.account_id ORDER BY k.event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
edges AS (
  SELECT
    j.event_date, j.from_account, j.into_account, j.account_id,
    s.account_since, s.active_days, s.new_days,
    min(j.first_time) AS first_time,
    max(j.last_time) AS last_time,
    CAST(sum(j.calls) AS BIGINT) AS calls,
    CAST(sum(j.failures) AS BIGINT) AS failures,
    CAST(sum(j.changes) AS BIGINT) AS changes,
    first_value(j.actor ORDER BY j.first_time, j.actor) AS actor,
    max(CASE WHEN f.account_id IS NULL OR i.account_id IS NULL THEN 1 ELSE 0 END) = 1 AS outside,
    -- Laplace's rule of succession.
    -ln((s.new_days + 1.0) / (s.active_days + 2.0)) AS surprise
  FROM judged AS j
  JOIN steadiness AS s ON s.account_id = j.account_id AND s.event_date = j.event_date
  LEFT JOIN own_account AS f ON f.account_id = j.from_account AND f.since <= j.event_date
  LEFT JOIN own_account AS i ON i.account_id = j.into_account AND i.since <= j.event_date
  WHERE j.event_date = j.edge_since
    AND j.first_time >= $from
    AND s.event_date >= s.account_since + CAST($warm_up_days || ' days' AS INTERVAL)
  GROUP BY j.event_date, j.from_account, j.into_account, j.account_id, s.account_since, s.active_days, s.new_days
)
SELECT
  e.first_time,
  e.last_time,
  'account' AS entity_type,
  e.from_account AS entity,
  e.actor,
  e.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 5 nats, a new account once in 150 days; one from outside counts for 2 nats more.
  saturating_score(e.surprise + CASE WHEN e.outside THEN 2.0 ELSE 0.0 END, 5.0) AS score,
  -- Suppliers and auditors read; other detectors cover what else they do.
  CASE WHEN e.outside AND e.failures < e.calls AND e.changes > 0 AND e.surprise >= $min_surprise THEN 'medium'
       ELSE 'low' END AS severity,
  CASE WHEN e.outside AND e.surprise >= $min_surprise THEN 'medium' END AS joined_severity,
  e.actor || ' of account ' || e.from_account
    || CASE WHEN e.failures = e.calls THEN ' tried ' || counted(e.calls, 'call', 'calls')
            ELSE ' made ' || counted(e.calls - e.failures, 'call', 'calls') END
    || ' in account ' || e.into_account
    || CASE WHEN e.outside THEN ' (one of them outside the organisation)' ELSE '' END
    || also_failed(e.failures, e.calls)
    || CASE WHEN e.changes > 0 THEN '; ' || counted(e.changes, 'change', 'changes') || ' among them' ELSE '' END
    || '; the first calls between them; account ' || e.account_id || ' met another account on ' || e.new_days || ' of '
    || counted(e.active_days, 'day', 'days') || ' before' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  e.into_account AS key,
  e.into_account,
  e.outside,
  e.failures AS failed_calls,
  e.surprise AS surprise_nats,
  e.account_since AS baseline_since,
  e.active_days AS baseline_active_days,
  e.new_days AS baseline_days_with_a_new_account
FROM edges AS e
JOIN cross_account_calls AS c ON c.from_account = e.from_account AND c.into_account = e.into_account
  AND c.account_id = e.account_id AND c.event_date = e.event_date
WHERE c.event_time >= $from AND c.event_time < $to
GROUP BY e.first_time, e.last_time, e.from_account, e.into_account, e.actor, e.account_id, e.surprise, e.outside,
  e.failures, e.calls, e.changes, e.new_days, e.active_days, e.account_since
