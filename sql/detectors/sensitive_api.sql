/*
title      = "Sensitive change to permissions, keys or what is shared"
severity   = "medium"
confidence = "medium"
attack     = ["T1098", "T1098.001", "T1098.003", "T1136.003", "T1484.002", "T1530", "T1537", "T1562.007", "T1485", "T1556.006"]
why        = "Escalation, persistence and theft all pass through a handful of calls, whether they succeed or not."
benign     = ["Onboarding and key rotation by those whose work it is", "Infrastructure code"]
respond    = ["Check the change against a ticket or a commit", "Undo it when nobody asked for it"]
[params]
routine_days = { default = 3, min = 1, help = "an identity or peers of it that did the same on this many earlier days do it by routine" }
excess       = { default = 2.0, min = 1, help = "times the most calls that any of them made in a day, from which it is no routine" }
combination  = { default = 4, min = 2, help = "different kinds of change within a day that together are no routine" }
*/
WITH by_api AS (
  SELECT
    actor, account_id, category, outside, api, event_date,
    min(event_time) AS first_time,
    max(technique) AS technique,
    max(weight) AS weight,
    count(*) AS calls
  FROM sensitive_calls
  WHERE event_time >= $from AND event_time < $to
  GROUP BY actor, account_id, category, outside, api, event_date
),
-- The day each account was first let in, by whomever: partners are old news.
met AS (
  SELECT account, min(event_date) AS since
  FROM (SELECT event_date, unnest(string_to_array(shared_with, ',')) AS account FROM daily_sensitive WHERE shared_with IS NOT NULL)
  GROUP BY account
),
strangers AS (
  SELECT DISTINCT b.outside, b.event_date
  FROM (SELECT outside, event_date, unnest(string_to_array(outside, ',')) AS account FROM by_api WHERE outside IS NOT NULL) AS b
  JOIN met AS m ON m.account = b.account AND m.since = b.event_date
),
-- What people of the same role do, whichever account they are in.
practice AS (
  SELECT
    peers, category, api, event_date,
    count(*) OVER before AS days_before,
    coalesce(max(calls) OVER before, 0) AS most_before
  FROM (
    SELECT peers, category, api, event_date, max(calls) AS calls
    FROM (
      SELECT peer_group(actor) AS peers, actor, category, api, event_date, sum(calls) AS calls
      FROM daily_sensitive
      GROUP BY peer_group(actor), actor, category, api, event_date
    )
    GROUP BY peers, category, api, event_date
  )
  WINDOW before AS (PARTITION BY peers, category, api ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
active AS (
  SELECT
    actor, account_id, category, event_date,
    count(*) OVER (PARTITION BY actor, account_id, category ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (SELECT DISTINCT actor, account_id, category, event_date FROM daily_sensitive)
),
kinds AS (
  SELECT actor, account_id, event_date, count(*) AS kinds
  FROM (SELECT DISTINCT actor, account_id, event_date, category FROM by_api)
  GROUP BY actor, account_id, event_date
),
-- The least practised API decides.
judged AS (
  SELECT
    b.actor, b.account_id, b.category, b.event_date,
    max(CASE WHEN b.outside IS NOT NULL AND s.outside IS NULL THEN 1 ELSE b.weight END) AS weight,
    max(b.technique) AS technique,
    max(CASE WHEN s.outside IS NOT NULL THEN b.outside END) AS outside,
    max(coalesce(a.days_before, 0)) AS days_before,
    min(p.days_before) AS peer_days_before,
    bool_or(b.calls > $excess * p.most_before) AS is_excess,
    max(k.kinds) AS kinds
  FROM by_api AS b
  LEFT JOIN active AS a ON a.actor = b.actor AND a.account_id = b.account_id AND a.category = b.category AND a.event_date = b.event_date
  LEFT JOIN practice AS p ON p.peers = peer_group(b.actor) AND p.category = b.category AND p.api = b.api AND p.event_date = b.event_date
  LEFT JOIN kinds AS k ON k.actor = b.actor AND k.account_id = b.account_id AND k.event_date = b.event_date
  LEFT JOIN strangers AS s ON s.outside = b.outside AND s.event_date = b.event_date
  GROUP BY b.actor, b.account_id, b.category, b.event_date
),
level AS (
  SELECT
    *,
    CASE
      -- No habit makes a stranger a partner.
      WHEN outside IS NOT NULL THEN weight
      WHEN peer_days_before >= $routine_days AND NOT is_excess AND kinds < $combination THEN least(weight - 1, 1)
      WHEN days_before >= $routine_days THEN weight - 1
      ELSE weight
    END AS level
  FROM judged
),
daily AS (
  SELECT
    actor, account_id, category, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(api ORDER BY event_time)) AS apis,
    array_distinct(array_agg(coalesce(target, 'itself') ORDER BY event_time)) AS targets,
    evidence(event_id, event_time) AS evidence
  FROM sensitive_calls
  WHERE event_time >= $from AND event_time < $to
  GROUP BY actor, account_id, category, event_date
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + l.days_before) AS score,
  CASE WHEN l.level >= 3 THEN 'high' WHEN l.level = 2 THEN 'medium' WHEN l.level = 1 THEN 'low' ELSE 'informational' END AS severity,
  make_array(l.technique) AS attack,
  d.category || CASE WHEN d.failures = d.calls THEN ' (tried, all failed)' WHEN d.failures > 0 THEN ' (' || d.failures || ' of ' || d.calls || ' tries failed)' ELSE '' END
    || ': ' || d.actor || ' called ' || array_to_string(array_slice(d.apis, 1, 4), ', ') || ' on ' || array_to_string(array_slice(d.targets, 1, 3), ', ')
    || coalesce(', for the outside account ' || l.outside || ', never met before', '')
    || CASE WHEN l.days_before = 0 THEN '; it never had before' ELSE '; it had on ' || l.days_before || ' days before' END
    || ', its peers on ' || coalesce(l.peer_days_before, 0) AS summary,
  d.evidence,
  d.calls AS events,
  d.category AS key,
  d.category,
  d.apis,
  d.targets,
  l.outside AS outside_accounts,
  d.failures AS failed_calls,
  l.days_before AS baseline_days_it_did_so,
  coalesce(l.peer_days_before, 0) AS baseline_days_peers_did_so
FROM daily AS d
JOIN level AS l ON l.actor = d.actor AND l.account_id = d.account_id AND l.category = d.category AND l.event_date = d.event_date
