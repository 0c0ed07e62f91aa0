/*
title      = "Commands sent to machines by an identity that never did"
severity   = "low"
confidence = "medium"
attack     = ["T1651", "T1021.008"]
why        = "A command or a shell on a machine turns cloud permissions into the machine's own, credentials included."
benign     = ["An administrator's first look at a machine", "A patching tool that was set up"]
respond    = ["Read the session's or command's log", "See whether the machine's role was used from elsewhere afterwards"]
[params]
warm_up_days = { default = 7, min = 0, help = "days of history an account needs before a first time is news" }
routine_days = { default = 2, min = 1, help = "an identity that did it on this many earlier days does it by routine" }
many_targets = { default = 5, min = 1, help = "calls within a day from which it is more than a look" }
*/
WITH sent AS (
  SELECT *
  FROM calls
  WHERE NOT by_service
    AND event_time >= $from AND event_time < $to
    AND ((event_source = 'ssm.amazonaws.com' AND api IN ('SendCommand', 'StartSession', 'CreateAssociation', 'StartAutomationExecution'))
      OR (event_source = 'ec2-instance-connect.amazonaws.com' AND api IN ('SendSSHPublicKey', 'SendSerialConsoleSSHPublicKey', 'OpenTunnel'))
      OR (event_source = 'ecs.amazonaws.com' AND api = 'ExecuteCommand'))
),
daily AS (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(event_source || ':' || api ORDER BY event_time, event_id)) AS apis,
    evidence(event_id, event_time) AS evidence
  FROM sent
  GROUP BY actor, account_id, event_date
),
active AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    count(*) OVER (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (
    SELECT DISTINCT actor, account_id, event_date
    FROM daily_api_use
    WHERE (event_source = 'ssm.amazonaws.com' AND api IN ('SendCommand', 'StartSession', 'CreateAssociation', 'StartAutomationExecution'))
      OR (event_source = 'ec2-instance-connect.amazonaws.com' AND api IN ('SendSSHPublicKey', 'SendSerialConsoleSSHPublicKey', 'OpenTunnel'))
      OR (event_source = 'ecs.amazonaws.com' AND api = 'ExecuteCommand')
  )
),
-- Days on which people of the same role did.
practice AS (
  SELECT peers, event_date, count(*) OVER (PARTITION BY peers ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (SELECT DISTINCT peer_group(actor) AS peers, event_date FROM active)
),
judged AS (
  SELECT d.*, coalesce(a.days_before, 0) AS days_before, coalesce(p.days_before, 0) AS peer_days_before,
    CAST(d.event_date - o.since AS BIGINT) AS account_days
  FROM daily AS d
  LEFT JOIN own_account AS o ON o.account_id = d.account_id
  LEFT JOIN practice AS p ON p.peers = peer_group(d.actor) AND p.event_date = d.event_date
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_before) AS score,
  CASE WHEN calls >= $many_targets AND days_before = 0 AND peer_days_before < $routine_days AND account_days >= $warm_up_days THEN 'medium'
       ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to run' ELSE ' ran' END || ' commands on machines: ' || array_to_string(apis, ', ')
    || ', ' || calls || ' calls' || CASE WHEN failures > 0 THEN ', ' || failures || ' failed' ELSE '' END
    || CASE WHEN days_before = 0 THEN '; never before' ELSE '; on ' || days_before || ' days before' END AS summary,
  evidence,
  calls AS events,
  apis,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so,
  peer_days_before AS baseline_days_its_peers_did_so
FROM judged
WHERE days_before < $routine_days
