/*
title      = "Startup data of many instances read"
severity   = "low"
confidence = "medium"
attack     = ["T1552.005", "T1552.001", "T1580"]
why        = "User data, console output and launch templates often contain passwords and keys."
benign     = ["Infrastructure code that reads back what it created", "A search for a broken start script"]
respond    = ["Look for secrets in what was read and rotate them", "Find out from where the identity called"]
[params]
min_machines  = { default = 3, min = 2, help = "different machines or templates whose data was requested within a day" }
many_machines = { default = 5, min = 2, help = "machines or templates within a day that can make the finding medium" }
excess        = { default = 2.0, min = 1, help = """\
  calls of the day must exceed the identity's previous maximum this many times; for medium, also that of its peers""" }
*/
WITH asked AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, api,
    coalesce(json_get_str(request_parameters, 'instanceId'),
      json_get_str(request_parameters, 'DescribeLaunchTemplateVersionsRequest', 'LaunchTemplateId'),
      json_get_str(request_parameters, 'DescribeLaunchTemplateVersionsRequest', 'LaunchTemplateName'),
      json_get_str(request_parameters, 'GetLaunchTemplateDataRequest', 'InstanceId')) AS machine
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND in_api_list('reads_startup_data', event_source, event_name)
    AND (api <> 'DescribeInstanceAttribute' OR json_get_str(request_parameters, 'attribute') = 'userData')
),
-- Failed calls count too: they are attempts to get the data.
daily AS (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(DISTINCT machine) AS machines,
    count(DISTINCT CASE WHEN NOT failed THEN machine END) AS machines_done,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures
  FROM asked
  WHERE machine IS NOT NULL
  GROUP BY actor, account_id, event_date
),
judged AS (
  SELECT d.*, p.most_before, p.most_of_peers, p.days_before
  FROM daily AS d
  JOIN api_list_days AS p ON p.list = 'reads_startup_data' AND p.actor = d.actor AND p.account_id = d.account_id
    AND p.event_date = d.event_date
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
  -- Scale: 5 machines.
  saturating_score(j.machines, 5.0) AS score,
  CASE WHEN j.machines >= $many_machines AND j.calls > $excess * j.most_of_peers THEN 'medium'
       ELSE 'low' END AS severity,
  j.actor || CASE WHEN j.failures = j.calls THEN ' was denied' ELSE ' read' END || ' the startup data of '
    || counted(CASE WHEN j.failures = j.calls THEN j.machines ELSE j.machines_done END,
      'machine or template', 'machines or templates')
    || also_failed(j.failures, j.calls)
    || '; previous maximum in a day: ' || counted(j.most_before, 'call', 'calls')
    || ' (peers: ' || j.most_of_peers || ')' AS summary,
  evidence(a.event_id, a.event_time, a.machine) AS evidence,
  count(*) AS events,
  array_distinct(array_agg(a.api ORDER BY a.event_time)) AS apis,
  j.machines,
  j.failures AS failed_calls,
  j.days_before AS baseline_days_it_did_so,
  j.most_before AS baseline_most_calls_in_a_day,
  j.most_of_peers AS baseline_most_calls_of_a_peer_in_a_day
FROM judged AS j
JOIN asked AS a ON a.actor = j.actor AND a.account_id = j.account_id AND a.event_date = j.event_date
GROUP BY j.first_time, j.last_time, j.actor, j.account_id, j.event_date, j.machines, j.machines_done, j.calls,
  j.failures, j.days_before, j.most_before, j.most_of_peers
