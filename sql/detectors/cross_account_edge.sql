/*
title      = "Calls between two accounts that never met"
severity   = "low"
confidence = "medium"
attack     = ["T1199", "T1550.001", "T1078.004"]
why        = "A trust between accounts is a way around every lock of the account behind it."
benign     = ["A new supplier", "A new account of the organisation", "A landing zone that is rolled out"]
respond    = ["Find out who owns the other account", "Look at the trust policy that let it in and who wrote it"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an account needs before it can be judged" }
min_surprise = { default = 2.0, min = 0.0, help = "nats; from here on a new account from outside is worth a call" }
*/
WITH judged AS MATERIALIZED (
  SELECT *, min(event_date) OVER (PARTITION BY from_account, into_account) AS edge_since
  FROM daily_cross_account
  WHERE first_time < $to
    -- Callers without an account of their own are nobody's neighbour.
    AND regexp_like(from_account, '^[0-9]{12}$') AND regexp_like(into_account, '^[0-9]{12}$')
),
-- How often an account meets another for the first time, once its first week is over.
known AS (
  SELECT account_id, event_date, min(event_date) OVER (PARTITION BY account_id) AS account_since
  FROM daily_account
  WHERE first_time < $to
),
steadiness AS (
  SELECT
    k.account_id, k.event_date, k.account_since,
    count(*) OVER before AS active_days,
    coalesce(sum(CASE WHEN n.account_id IS NOT NULL AND k.event_date > k.account_since + INTERVAL '7 days' THEN 1 ELSE 0 END) OVER before, 0) AS new_days
  FROM known AS k
  LEFT JOIN (SELECT DISTINCT account_id, event_date FROM judged WHERE event_date = edge_since) AS n
    ON n.account_id = k.account_id AND n.event_date = k.event_date
  WINDOW before AS (PARTITION BY k.account_id ORDER BY k.event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
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
    -ln((s.new_days + 1.0) / (s.active_days + 2.0)) AS surprise
  FROM judged AS j
  JOIN steadiness AS s ON s.account_id = j.account_id AND s.event_date = j.event_date
  LEFT JOIN own_account AS f ON f.account_id = j.from_account AND f.since <= j.event_date
  LEFT JOIN own_account AS i ON i.account_id = j.into_account AND i.since <= j.event_date
  WHERE j.event_date = j.edge_since
    AND j.first_time >= $from
    AND s.event_date >= s.account_since + CAST($warm_up_days || ' days' AS INTERVAL)
  GROUP BY j.event_date, j.from_account, j.into_account, j.account_id, s.account_since, s.active_days, s.new_days
),
placed AS (
  SELECT
    event_id, event_time, event_date, account_id,
    user_identity_account_id AS from_account,
    coalesce(
      CASE WHEN event_source = 'sts.amazonaws.com' THEN split_part(json_get_str(request_parameters, 'roleArn'), ':', 5) END,
      account_id) AS into_account
  FROM calls
  WHERE NOT by_service
    AND event_time >= $from AND event_time < $to
)
SELECT
  e.first_time,
  e.last_time,
  'account' AS entity_type,
  e.from_account AS entity,
  e.actor,
  e.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-(e.surprise + CASE WHEN e.outside THEN 2.0 ELSE 0.0 END) / 5.0) AS score,
  -- Who only reads is a supplier or an auditor more often than not; what else it does speaks for itself.
  CASE WHEN e.outside AND e.failures < e.calls AND e.changes > 0 AND e.surprise >= $min_surprise THEN 'medium' ELSE 'low' END AS severity,
  CASE WHEN e.outside AND e.surprise >= $min_surprise THEN 'medium' END AS joined_severity,
  e.actor || ' of account ' || e.from_account || CASE WHEN e.failures = e.calls THEN ' tried to call' ELSE ' called' END
    || ' in account ' || e.into_account || CASE WHEN e.outside THEN ', one of them outside the organisation' ELSE '' END
    || ': ' || e.calls || ' calls, ' || e.changes || ' of them changes; account ' || e.account_id || ' met a new one on '
    || e.new_days || ' of ' || e.active_days || ' days before' AS summary,
  evidence(p.event_id, p.event_time) AS evidence,
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
JOIN placed AS p ON p.from_account = e.from_account AND p.into_account = e.into_account AND p.account_id = e.account_id
  AND p.event_date = e.event_date
GROUP BY e.first_time, e.last_time, e.from_account, e.into_account, e.actor, e.account_id, e.surprise, e.outside, e.failures,
  e.calls, e.changes, e.new_days, e.active_days, e.account_since
