/*
title      = "What many machines are started with was read"
severity   = "low"
confidence = "medium"
attack     = ["T1552.005", "T1552.001", "T1580"]
why        = "User data, console output and launch templates hold passwords and keys that nobody meant to leave there."
benign     = ["Infrastructure code that reads back what it made", "A search for a broken start script"]
respond    = ["Look for secrets in what was read and rotate them", "See where the identity came from"]
[params]
min_machines  = { default = 3, min = 2, help = "different machines or templates asked about within a day" }
many_machines = { default = 5, min = 2, help = "from this many on nobody is looking at one machine" }
excess        = { default = 2.0, min = 1, help = "times the most calls of a day before, by the identity or its peers, from which it is no routine" }
*/
WITH asked AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, api,
    coalesce(json_get_str(request_parameters, 'instanceId'), json_get_str(request_parameters, 'DescribeLaunchTemplateVersionsRequest', 'LaunchTemplateId'),
      json_get_str(request_parameters, 'DescribeLaunchTemplateVersionsRequest', 'LaunchTemplateName'),
      json_get_str(request_parameters, 'GetLaunchTemplateDataRequest', 'InstanceId')) AS machine
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND event_source = 'ec2.amazonaws.com'
    AND (api IN ('GetConsoleOutput', 'GetConsoleScreenshot', 'GetPasswordData', 'GetLaunchTemplateData', 'DescribeLaunchTemplateVersions')
      OR (api = 'DescribeInstanceAttribute' AND json_get_str(request_parameters, 'attribute') = 'userData'))
),
by_machine AS (
  SELECT
    actor, account_id, event_date, machine,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures
  FROM asked
  WHERE machine IS NOT NULL
  GROUP BY actor, account_id, event_date, machine
),
-- A machine asked about and not given away is one tried all the same.
daily AS (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(*) AS machines,
    CAST(sum(calls) AS BIGINT) AS calls,
    CAST(sum(failures) AS BIGINT) AS failures
  FROM by_machine
  GROUP BY actor, account_id, event_date
),
practice AS (
  SELECT
    actor, account_id, event_date,
    coalesce(max(calls) OVER own, 0) AS most_before,
    coalesce(max(calls) OVER peers, 0) AS most_of_peers,
    count(*) OVER own AS days_before
  FROM (
    SELECT actor, peer_group(actor) AS peers, account_id, event_date, CAST(sum(calls) AS BIGINT) AS calls
    FROM daily_api_use
    WHERE event_source = 'ec2.amazonaws.com'
      AND api IN ('DescribeInstanceAttribute', 'GetConsoleOutput', 'GetConsoleScreenshot', 'GetPasswordData', 'GetLaunchTemplateData', 'DescribeLaunchTemplateVersions')
    GROUP BY actor, peer_group(actor), account_id, event_date
  )
  WINDOW own AS (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
    peers AS (PARTITION BY peers ORDER BY event_date RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING)
),
judged AS (
  SELECT d.*, p.most_before, p.most_of_peers, p.days_before
  FROM daily AS d
  JOIN practice AS p ON p.actor = d.actor AND p.account_id = d.account_id AND p.event_date = d.event_date
  WHERE d.machines >= $min_machines
    AND d.calls > $excess * p.most_before
)
SELECT
  j.first_time,
  j.last_time,
  'actor' AS entity_type,
  j.actor AS entity,
  j.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-j.machines / 5.0) AS score,
  CASE WHEN j.machines >= $many_machines AND j.calls > $excess * j.most_of_peers THEN 'medium' ELSE 'low' END AS severity,
  j.actor || CASE WHEN j.failures = j.calls THEN ' was refused' ELSE ' read' END || ' what ' || j.machines || ' machines or templates are started with, '
    || j.calls || ' calls' || CASE WHEN j.failures > 0 THEN ', ' || j.failures || ' failed' ELSE '' END
    || '; its most in a day before was ' || j.most_before || ' calls, that of its peers ' || j.most_of_peers AS summary,
  evidence(a.event_id, a.event_time) AS evidence,
  count(*) AS events,
  array_distinct(array_agg(a.api ORDER BY a.event_time)) AS apis,
  j.machines,
  j.failures AS failed_calls,
  j.days_before AS baseline_days_it_did_so,
  j.most_before AS baseline_most_calls_in_a_day,
  j.most_of_peers AS baseline_most_calls_of_a_peer_in_a_day
FROM judged AS j
JOIN asked AS a ON a.actor = j.actor AND a.account_id = j.account_id AND a.event_date = j.event_date
GROUP BY j.first_time, j.last_time, j.actor, j.account_id, j.event_date, j.machines, j.calls, j.failures, j.days_before, j.most_before, j.most_of_peers
