/*
title      = "Identity acted through an agent for the first time"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1059.009"]
why        = """\
  An agent acts with all permissions of its user, at the speed of a machine, and can be misled by what it reads. \
  Whoever has stolen credentials can use one too."""
benign     = ["Somebody who begins to work with an assistant or with an MCP server of AWS"]
respond    = [
  "Ask the owner whether they connected the agent",
  "See from where its tools were called: trailhunt query identity_timeline --param actor=ARN",
  "IAM administrator: limit what agents may do with the condition key aws:ViaAWSMCPService",
]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
few          = { default = 3, min = 1, help = """\
  identities that used the agent before from which it is usual: the finding is then informational""" }
*/
-- Agents and their records: Agent Toolkit for AWS user guide, "Logging AWS MCP Server API calls using AWS CloudTrail";
-- the function agent_name lists them.
WITH used AS (
  SELECT
    actor, agent,
    min(first_time) AS first_time,
    first_value(account_id ORDER BY first_time, account_id) AS account_id
  FROM daily_agent_use
  WHERE event_date < CAST($to AS DATE)
  GROUP BY actor, agent
),
ranked AS (
  SELECT
    *,
    CAST(first_time AS DATE) AS event_date,
    rank() OVER (PARTITION BY agent ORDER BY first_time) - 1 AS users_before
  FROM used
),
known AS (
  SELECT actor, min(first_time) AS since
  FROM daily_activity
  WHERE event_date < CAST($to AS DATE)
  GROUP BY actor
),
begun AS MATERIALIZED (
  SELECT r.*, k.since
  FROM ranked AS r
  JOIN known AS k ON k.actor = r.actor
  WHERE r.first_time >= $from AND r.first_time < $to
    AND to_unixtime(r.first_time) - to_unixtime(k.since) >= 86400.0 * $warm_up_days
),
population AS (
  SELECT b.event_date, count(*) AS identities_before
  FROM (SELECT DISTINCT event_date FROM begun) AS b
  JOIN known AS k ON k.since < b.event_date
  GROUP BY b.event_date
)
SELECT
  b.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  b.actor AS entity,
  b.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 3 nats, as if one of twenty identities used the agent before.
  saturating_score(rarity(b.users_before, p.identities_before), 3.0) AS score,
  CASE WHEN b.users_before >= $few THEN 'informational' ELSE 'low' END AS severity,
  -- With another unusual act of the same identity that day, a new way to act is part of it.
  CASE WHEN b.users_before < $few THEN 'medium' END AS joined_severity,
  b.actor || CASE WHEN bool_and(c.failed) THEN ' tried to act through ' ELSE ' acted through ' END || b.agent || ': '
    || counted(CASE WHEN bool_and(c.failed) THEN count(*) ELSE count(*) FILTER (WHERE NOT c.failed) END,
      'call', 'calls') || ' of '
    || listed(array_distinct(coalesce(array_agg(c.api ORDER BY c.event_time, c.event_id) FILTER (WHERE NOT c.failed),
      array_agg(c.api ORDER BY c.event_time, c.event_id))), 4)
    || also_failed(count(*) FILTER (WHERE c.failed), count(*))
    || '; for the first time; ' || b.users_before || ' of '
    || counted(p.identities_before, 'identity', 'identities') || ' used it before'
    AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  b.agent AS key,
  b.agent,
  count(*) FILTER (WHERE c.is_change) AS changes,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  b.since AS baseline_since,
  b.users_before AS baseline_identities_with_the_agent,
  p.identities_before AS baseline_identities
FROM begun AS b
JOIN population AS p ON p.event_date = b.event_date
JOIN calls AS c ON c.actor = b.actor AND c.event_date = b.event_date AND c.agent = b.agent
WHERE c.event_time >= $from AND c.event_time < $to
GROUP BY b.first_time, b.actor, b.account_id, b.agent, b.users_before, b.since, p.identities_before
