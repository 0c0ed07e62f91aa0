/*
title      = "Credentials of an instance used outside AWS"
severity   = "high"
confidence = "medium"
attack     = ["T1552.005", "T1078.004"]
why        = "Credentials of a machine stay in the machine, unless somebody took them out through its metadata service."
benign     = ["Instances that leave through the company's own lines", "A developer who tests with an instance's session"]
respond    = ["Revoke the role's sessions", "Look for the way in: a proxy, or a request forged through an application", "Require IMDSv2 on the instance"]
[params]
max_share_before = { default = 0.05, min = 0.0, max = 1.0, help = "share of the role's earlier calls from outside AWS above which that is its habit" }
*/
WITH of_instances AS (
  SELECT
    *,
    ip_country(source_ip_address) IS NOT NULL
      AND NOT coalesce(ip_organisation(source_ip_address) ILIKE '%amazon%', FALSE)
      AND vpc_endpoint_id IS NULL AS outside
  FROM calls
  WHERE NOT by_service
    AND event_time >= $from AND event_time < $to
    AND of_instance
),
daily AS (
  SELECT
    actor, account_id, event_date,
    count(*) AS calls,
    count(*) FILTER (WHERE outside) AS calls_outside,
    count(*) FILTER (WHERE outside AND failed) AS failures,
    min(event_time) FILTER (WHERE outside) AS first_time,
    max(event_time) FILTER (WHERE outside) AS last_time,
    first_value(source_ip_address ORDER BY event_time, event_id) FILTER (WHERE outside) AS ip,
    first_value(session_name ORDER BY event_time, event_id) FILTER (WHERE outside) AS instance,
    first_value(access_key_id ORDER BY event_time, event_id) FILTER (WHERE outside) AS access_key_id,
    evidence(event_id, event_time) FILTER (WHERE outside) AS evidence
  FROM of_instances
  GROUP BY actor, account_id, event_date
),
active AS (
  SELECT
    actor, account_id, event_date,
    coalesce(sum(calls) OVER before, 0) AS calls_before,
    coalesce(sum(calls_outside) OVER before, 0) AS outside_before
  FROM (
    SELECT
      actor, account_id, event_date,
      sum(calls) AS calls,
      sum(CASE WHEN ip_country(source_ip_address) IS NOT NULL
        AND NOT coalesce(ip_organisation(source_ip_address) ILIKE '%amazon%', FALSE)
        AND NOT through_endpoint THEN calls ELSE 0 END) AS calls_outside
    FROM daily_address
    WHERE of_instance
    GROUP BY actor, account_id, event_date
  )
  WINDOW before AS (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
judged AS (
  SELECT d.*, coalesce(a.calls_before, 0) AS calls_before, coalesce(a.outside_before, 0) AS outside_before
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Without any history the place alone speaks.
  CASE WHEN calls_before >= 20 THEN 1.0 - exp(-calls_outside / 5.0) ELSE 0.5 END AS score,
  CASE WHEN calls_before >= 20 THEN 'high' ELSE 'medium' END AS severity,
  'credentials of ' || coalesce(instance, 'an instance') || ' (' || actor || ') made ' || calls_outside || ' calls from ' || ip || ' in ' || ip_country(ip)
    || coalesce(' (' || ip_organisation(ip) || ')', '') || ', outside AWS; '
    || outside_before || ' of ' || calls_before || ' calls before came from outside'
    || CASE WHEN failures > 0 THEN '; ' || failures || ' failed' ELSE '' END AS summary,
  evidence,
  calls_outside AS events,
  instance,
  access_key_id,
  ip AS source_ip_address,
  failures AS failed_calls,
  calls_before AS baseline_calls,
  outside_before AS baseline_calls_outside
FROM judged
WHERE calls_outside > 0
  AND outside_before <= $max_share_before * calls_before
