/*
title      = "Credentials of an instance used outside AWS"
severity   = "high"
confidence = "medium"
kind       = "fact"
attack     = ["T1552.005", "T1078.004"]
why        = "An instance's credentials are used only on that instance, unless somebody stole them."
benign     = [
  "Instances whose traffic leaves through the company's own network",
  "A developer who tests with an instance's session",
]
respond    = [
  "Revoke the role's sessions",
  "Look for the entry point, such as an open proxy or server-side request forgery (SSRF)",
  "Require IMDSv2 on the instance",
]
[params]
max_share_before = { default = 0.05, min = 0.0, max = 1.0, help = """\
  share of the role's earlier calls that came from outside AWS; a role above it is not reported""" }
min_calls_before = { default = 20, min = 1, help = """\
  earlier calls the role needs for a high finding; with fewer, it is medium""" }
*/
WITH addresses AS (
  SELECT
    actor, account_id, event_date, calls,
    ip_country(source_ip_address) IS NOT NULL AND NOT ip_is_amazon(source_ip_address) AND NOT through_endpoint
      AS outside
  FROM daily_address
  WHERE of_instance AND event_date < CAST($to AS DATE)
),
candidates AS MATERIALIZED (
  SELECT DISTINCT actor, account_id FROM addresses WHERE outside AND event_date >= CAST($from AS DATE)
),
active AS (
  SELECT
    actor, account_id, event_date, calls_outside,
    coalesce(sum(calls) OVER before, 0) AS calls_before,
    coalesce(sum(calls_outside) OVER before, 0) AS outside_before
  FROM (
    SELECT
      a.actor, a.account_id, a.event_date,
      sum(a.calls) AS calls,
      sum(CASE WHEN a.outside THEN a.calls ELSE 0 END) AS calls_outside
    FROM candidates AS k
    JOIN addresses AS a ON a.actor = k.actor AND a.account_id = k.account_id
    GROUP BY a.actor, a.account_id, a.event_date
  )
  WINDOW before AS (
    PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
days AS MATERIALIZED (
  SELECT * FROM active
  WHERE event_date >= CAST($from AS DATE)
    AND calls_outside > 0
    AND outside_before <= $max_share_before * calls_before
),
judged AS (
  SELECT
    d.actor, d.account_id, d.calls_before, d.outside_before,
    count(*) AS calls_outside,
    count(*) FILTER (WHERE c.failed) AS failures,
    min(c.event_time) AS first_time,
    max(c.event_time) AS last_time,
    first_value(c.source_ip_address ORDER BY c.event_time, c.event_id) AS ip,
    first_value(c.session_name ORDER BY c.event_time, c.event_id) AS instance,
    first_value(c.access_key_id ORDER BY c.event_time, c.event_id) AS access_key_id,
    evidence(c.event_id, c.event_time) AS evidence
  FROM days AS d
  JOIN calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  WHERE NOT c.by_service
    AND c.event_time >= $from AND c.event_time < $to
    AND c.of_instance
    AND c.vpc_endpoint_id IS NULL
    AND ip_country(c.source_ip_address) IS NOT NULL
    AND NOT ip_is_amazon(c.source_ip_address)
  GROUP BY d.actor, d.account_id, d.event_date, d.calls_before, d.outside_before
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 5 calls.
  CASE WHEN calls_before >= $min_calls_before THEN saturating_score(calls_outside, 5.0) ELSE 0.5 END AS score,
  CASE WHEN calls_before >= $min_calls_before THEN 'high' ELSE 'medium' END AS severity,
  coalesce(instance, 'an instance') || ' (' || actor || '): ' || counted(calls_outside, 'call', 'calls')
    || ' with its credentials from ' || ip || ' in ' || ip_country(ip)
    || coalesce(' (' || ip_organisation(ip) || ')', '')
    || ', outside AWS' || CASE WHEN failures > 0 THEN ', ' || failures || ' failed' ELSE '' END
    || '; before: ' || outside_before || ' of ' || counted(calls_before, 'call', 'calls') || ' from outside' AS summary,
  evidence,
  calls_outside AS events,
  instance,
  access_key_id,
  ip AS source_ip_address,
  failures AS failed_calls,
  calls_before AS baseline_calls,
  outside_before AS baseline_calls_outside
FROM judged
