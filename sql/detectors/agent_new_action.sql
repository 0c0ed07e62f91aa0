/*
title      = "Agent did what its user had never done"
severity   = "medium"
confidence = "medium"
attack     = ["T1078.004", "T1059.009"]
why        = """\
  An agent that was misled, or that somebody uses with stolen credentials, does what its user never does: it changes \
  something or reads a secret with an API that is new to the identity."""
benign     = ["A new task that the user gave to the agent", "An agent that explores an unknown service"]
respond    = [
  "Ask the owner what they asked the agent to do",
  "Look at what the agent read before: a page, a ticket or a file can contain instructions",
  "See from where its tools were called: trailhunt query identity_timeline --param actor=ARN",
]
[params]
warm_up_days  = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
min_rarity    = { default = 1.5, min = 0.0, help = """\
  rarity among identities from which an API counts, in nats: at most a fifth of them called it before, or nobody""" }
min_surprise  = { default = 5.0, min = 0.0, help = "minimum surprise of a day's new changes, in nats" }
min_sensitive = { default = 3.5, min = 0.0, help = """\
  minimum surprise of a day's new changes if one is sensitive or reads secrets, in nats""" }
min_explored  = { default = 8.0, min = 0.0, help = """\
  minimum surprise of all new APIs of a day, reads included, in nats""" }
*/
-- APIs whose first call of the identity, by itself or through an agent, was made by an agent. Agents and their records:
-- Agent Toolkit for AWS user guide, "Logging AWS MCP Server API calls using AWS CloudTrail".
WITH begun AS (
  SELECT
    n.actor, n.account_id, n.event_date, u.agent, n.item, n.first_time, n.known_since, n.active_days, n.new_days,
    n.rarity, n.steadiness, u.failures < u.calls AS succeeded, u.changes > 0 AS changes_something,
    in_api_list('sensitive', u.event_source, u.api) OR in_api_list('reads_secrets', u.event_source, u.api)
      AS is_sensitive
  FROM novelties AS n
  JOIN daily_agent_use AS u ON u.actor = n.actor AND u.event_date = n.event_date
    AND u.event_source || ':' || u.api = n.item AND u.first_time = n.first_time
  WHERE n.kind = 'api'
    AND n.event_date >= CAST($from AS DATE) AND n.first_time >= $from AND n.first_time < $to
    AND u.event_date >= CAST($from AS DATE) AND u.event_date < CAST($to AS DATE)
    AND n.history_days >= $warm_up_days
    AND (n.rarity >= $min_rarity OR n.users_before = 0)
),
days AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, agent,
    min(first_time) AS first_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    bool_or(acts AND succeeded) AS acted,
    bool_or(is_sensitive) AS is_sensitive,
    array_agg(item ORDER BY acts DESC, rarity DESC, item) AS items,
    -- As in new_api, the APIs of one day are not independent. Reads around a change do not make it more surprising.
    coalesce(sum(rarity) FILTER (WHERE acts) / sqrt(count(*) FILTER (WHERE acts)) + max(steadiness), 0.0)
      AS surprise_of_acts,
    sum(rarity) / sqrt(count(*)) + max(steadiness) AS surprise
  FROM (SELECT *, changes_something OR is_sensitive AS acts FROM begun)
  GROUP BY actor, account_id, event_date, agent
),
judged AS (
  SELECT *, surprise_of_acts >= CASE WHEN is_sensitive THEN $min_sensitive ELSE $min_surprise END AS is_act
  FROM days
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 6 nats, a little more than the least of a change that is reported.
  saturating_score(greatest(d.surprise_of_acts, d.surprise), 6.0) AS score,
  -- Failed attempts are reported as well, but changed nothing.
  CASE WHEN d.acted AND d.is_act THEN 'medium' ELSE 'low' END AS severity,
  -- New reads alone are what agents do all day: a weak signal.
  CASE WHEN NOT d.is_act THEN 'low' END AS joined_severity,
  d.agent || CASE WHEN bool_and(c.failed) THEN ' tried to call ' ELSE ' called ' END
    || listed(array_distinct(coalesce(
      array_agg(c.event_source || ':' || c.api ORDER BY c.is_change DESC, c.event_time, c.event_id)
        FILTER (WHERE NOT c.failed), d.items)), 4)
    || ' on behalf of ' || d.actor || also_failed(count(*) FILTER (WHERE c.failed), count(*))
    || '; the identity never called ' || CASE WHEN cardinality(d.items) = 1 THEN 'it' ELSE 'them' END || ' before'
    AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.agent AS key,
  d.agent,
  d.items AS apis,
  count(*) FILTER (WHERE c.is_change) AS changes,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  greatest(d.surprise_of_acts, d.surprise) AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_api
FROM judged AS d
JOIN calls AS c ON c.actor = d.actor AND c.event_date = d.event_date AND c.agent = d.agent
  AND array_has(d.items, c.event_source || ':' || c.api)
WHERE c.event_time >= $from AND c.event_time < $to
  AND (d.is_act OR d.surprise >= $min_explored)
GROUP BY d.first_time, d.actor, d.account_id, d.event_date, d.agent, d.items, d.acted, d.is_act, d.surprise_of_acts,
  d.surprise, d.known_since, d.active_days, d.new_days
