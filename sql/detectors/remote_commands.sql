/*
title      = "Commands run on machines by an identity that rarely does so, or on more than ever"
severity   = "low"
confidence = "medium"
attack     = ["T1651", "T1021.008"]
why        = "A command or a shell on a machine gives its permissions and credentials to the caller."
benign     = ["An administrator's first look at a machine", "A new patching tool"]
respond    = [
  "Read the log of the session or the command",
  "See whether the machine's role was used from elsewhere afterwards",
]
[params]
warm_up_days = { default = 7, min = 0, help = "days of history an account needs before a first time can be medium" }
routine_days = { default = 2, min = 1, help = "earlier days with such calls that make it routine for the identity" }
many_targets = { default = 5, min = 1, help = "machines within a day that are more than a quick look" }
excess       = { default = 2.0, min = 1.0, help = """\
  machines of the day as a multiple of the most calls of an earlier day, by the identity or a peer""" }
*/
WITH sent AS (
  SELECT *, greatest(named, CASE WHEN by_rule THEN $many_targets ELSE 1 END) AS targets
  FROM (
    SELECT
      actor, account_id, event_date, event_time, event_id, failed, event_source, api,
      -- The machines that a command names. Those of a tag or a group are known only when the command runs.
      greatest(
        coalesce(json_length(request_parameters, 'instanceIds'), 0),
        coalesce(json_get_int(response_elements, 'command', 'targetCount'), 0),
        CASE WHEN json_get_str(request_parameters, 'targets', 0, 'key') = 'InstanceIds'
             THEN coalesce(json_length(request_parameters, 'targets', 0, 'values'), 0) ELSE 0 END) AS named,
      coalesce(json_length(request_parameters, 'targets') > 0
        AND (json_get_str(request_parameters, 'targets', 0, 'key') <> 'InstanceIds'
          OR json_get_str(request_parameters, 'targets', 0, 'values', 0) = '*'), FALSE) AS by_rule
    FROM calls
    WHERE NOT by_service
      AND event_time >= $from AND event_time < $to
      AND in_api_list('runs_commands', event_source, event_name)
  )
),
daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    CAST(sum(targets) AS BIGINT) AS targets,
    bool_or(by_rule) AS by_rule,
    array_distinct(array_agg(event_source || ':' || api ORDER BY event_time, event_id)) AS apis,
    evidence(event_id, event_time, CAST(failed AS VARCHAR)) AS evidence
  FROM sent
  GROUP BY actor, account_id, event_date
),
used AS MATERIALIZED (
  SELECT u.actor, peer_group(u.actor) AS peers, u.account_id, u.event_date, CAST(sum(u.calls) AS BIGINT) AS calls
  FROM daily_api_use AS u
  JOIN api_lists AS l ON l.list = 'runs_commands' AND l.event_source = u.event_source AND l.api = u.api
  WHERE u.event_date < CAST($to AS DATE)
  GROUP BY u.actor, u.account_id, u.event_date
),
people AS MATERIALIZED (
  SELECT actor, min(event_date) AS since FROM daily_sign_in WHERE event_date < CAST($to AS DATE) GROUP BY actor
),
-- Days on which a group did so, with the most calls of one of them. Users have no role that tells who does similar
-- work: those who sign in to the console are one group of their account, from their first sign-in on.
practice AS MATERIALIZED (
  SELECT peers, CAST(NULL AS DATE) AS since, event_date AS day, max(calls) AS calls
  FROM used
  GROUP BY peers, event_date
  UNION ALL
  SELECT 'account ' || u.account_id, o.since, u.event_date, max(u.calls)
  FROM used AS u
  JOIN people AS o ON o.actor = u.actor
  GROUP BY u.account_id, o.since, u.event_date
),
grouped AS (
  SELECT actor, account_id, event_date, peer_group(actor) AS peers
  FROM daily
  UNION ALL
  SELECT d.actor, d.account_id, d.event_date, 'account ' || d.account_id
  FROM daily AS d
  JOIN people AS i ON i.actor = d.actor AND i.since < d.event_date
),
of_peers AS (
  SELECT g.actor, g.account_id, g.event_date, count(DISTINCT p.day) AS days_before, max(p.calls) AS most_before
  FROM grouped AS g
  JOIN practice AS p ON p.peers = g.peers AND p.day < g.event_date AND (p.since IS NULL OR p.since < g.event_date)
  GROUP BY g.actor, g.account_id, g.event_date
),
judged AS (
  SELECT
    d.*,
    coalesce(w.days_before, 0) AS days_before,
    coalesce(p.days_before, 0) AS peer_days_before,
    coalesce(w.most_before, 0) AS most_before,
    d.targets >= $many_targets AND d.targets > $excess * coalesce(p.most_before, 0) AS is_excess,
    n.actor IS NOT NULL AS is_elsewhere,
    CAST(d.event_date - o.since AS BIGINT) AS account_days
  FROM daily AS d
  LEFT JOIN own_account AS o ON o.account_id = d.account_id
  LEFT JOIN new_places($from, $to) AS n ON n.actor = d.actor AND n.event_date = d.event_date
  LEFT JOIN api_list_days AS w ON w.list = 'runs_commands'
    AND w.actor = d.actor AND w.account_id = d.account_id AND w.event_date = d.event_date
  LEFT JOIN of_peers AS p ON p.actor = d.actor AND p.account_id = d.account_id AND p.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_before) AS score,
  CASE WHEN targets >= $many_targets AND account_days >= $warm_up_days
         AND ((days_before = 0 AND peer_days_before < $routine_days) OR (is_elsewhere AND targets > most_before))
       THEN 'medium'
       ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to run' ELSE ' ran' END || ' commands on '
    || CASE WHEN by_rule THEN 'all machines of a tag, a group or the account'
            ELSE counted(targets, 'machine', 'machines') END
    || ' with ' || array_to_string(apis, ', ') || ' ('
    || counted(CASE WHEN failures = calls THEN calls ELSE calls - failures END, 'call', 'calls') || ')'
    || also_failed(failures, calls)
    || CASE WHEN days_before = 0 THEN '; never before' ELSE '; before: on ' || counted(days_before, 'day', 'days') END
    || CASE WHEN days_before > 0 THEN ', at most ' || counted(most_before, 'call', 'calls') ELSE '' END
    || CASE WHEN is_elsewhere THEN '; from a network that is new for it' ELSE '' END AS summary,
  evidence,
  calls AS events,
  apis,
  targets,
  failures AS failed_calls,
  is_elsewhere AS from_a_new_network,
  days_before AS baseline_days_it_did_so,
  most_before AS baseline_most_calls_in_a_day,
  peer_days_before AS baseline_days_its_peers_did_so
FROM judged
WHERE days_before < $routine_days OR is_excess OR is_elsewhere
