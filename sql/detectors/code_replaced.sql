/*
title      = "Running code replaced by an identity for the first time, or from a new network"
severity   = "low"
confidence = "medium"
attack     = ["T1648", "T1525", "T1059.009"]
why        = "Code put into a function or an instance's start script runs with that resource's permissions."
benign     = ["A developer who deploys manually once", "A new pipeline"]
respond    = [
  "owner of the workload: compare the code with the repository",
  "See what the function's role has done since",
]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = """\
  days of history an account needs before a first time can be medium""" }
*/
WITH replaced AS (
  SELECT
    *,
    coalesce(json_get_str(request_parameters, 'functionName'), json_get_str(request_parameters, 'instanceId'),
      json_get_str(request_parameters, 'repositoryName'), json_get_str(request_parameters, 'name'), 'something')
      AS target
  FROM calls
  WHERE NOT by_service
    AND event_time >= $from AND event_time < $to
    AND read_only IS NOT TRUE
    AND in_api_list('replaces_code', event_source, event_name)
    AND (api <> 'UpdateFunctionConfiguration' OR request_parameters LIKE '%"layers"%')
    AND (api <> 'ModifyInstanceAttribute' OR request_parameters LIKE '%"userData"%')
),
daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    array_distinct(array_agg(target ORDER BY event_time, event_id)) AS targets,
    array_distinct(array_agg(api ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS apis_done,
    array_distinct(array_agg(target ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS targets_done,
    evidence(event_id, event_time) AS evidence
  FROM replaced
  GROUP BY actor, account_id, event_date
),
-- Days on which these APIs were called, whatever they changed.
used AS MATERIALIZED (
  SELECT u.actor, is_machine(u.actor) AS is_machine, u.account_id, u.api, u.event_date
  FROM daily_api_use AS u
  JOIN api_lists AS l ON l.list = 'replaces_code' AND l.event_source = u.event_source AND l.api = u.api
  WHERE u.calls > u.failures AND u.event_date < CAST($to AS DATE)
),
own AS (
  SELECT
    d.actor, d.account_id, d.event_date,
    count(DISTINCT u.event_date) AS days_before,
    count(DISTINCT CASE WHEN u.api = 'ModifyInstanceAttribute' THEN u.event_date END) AS user_data_days_before
  FROM daily AS d
  JOIN used AS u ON u.actor = d.actor AND u.account_id = d.account_id AND u.event_date < d.event_date
  GROUP BY d.actor, d.account_id, d.event_date
),
-- Who called each API of the day before: where pipelines do this work, and no person ever did.
practice AS (
  SELECT
    d.actor, d.account_id, d.event_date, d.api,
    count(DISTINCT CASE WHEN u.is_machine THEN u.event_date END) AS machine_days,
    count(*) FILTER (WHERE NOT u.is_machine) AS person_days
  FROM (SELECT actor, account_id, event_date, unnest(apis) AS api FROM daily WHERE NOT is_machine(actor)) AS d
  JOIN used AS u ON u.account_id = d.account_id AND u.api = d.api AND u.event_date < d.event_date
  GROUP BY d.actor, d.account_id, d.event_date, d.api
),
of_pipelines AS (
  SELECT DISTINCT actor, account_id, event_date
  FROM practice
  WHERE person_days = 0 AND machine_days >= $warm_up_days
),
judged AS (
  SELECT
    d.*,
    coalesce(p.days_before, 0) AS days_before,
    coalesce(p.user_data_days_before, 0) AS user_data_days_before,
    CAST(d.event_date - o.since AS BIGINT) AS account_days,
    n.actor IS NOT NULL AS is_elsewhere,
    m.actor IS NOT NULL AS is_of_pipelines
  FROM daily AS d
  LEFT JOIN own AS p ON p.actor = d.actor AND p.account_id = d.account_id AND p.event_date = d.event_date
  LEFT JOIN own_account AS o ON o.account_id = d.account_id
  LEFT JOIN new_places($from, $to) AS n ON n.actor = d.actor AND n.event_date = d.event_date
  LEFT JOIN of_pipelines AS m ON m.actor = d.actor AND m.account_id = d.account_id AND m.event_date = d.event_date
),
reported AS (
  SELECT *, array_has(apis, 'ModifyInstanceAttribute') AND user_data_days_before = 0 AS is_first_user_data
  FROM judged
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN account_days >= $warm_up_days THEN 0.8 ELSE 0.4 END AS score,
  -- People sometimes deploy a function manually; user data, which instances run as root, is rarely edited.
  CASE WHEN (is_first_user_data OR is_elsewhere OR is_of_pipelines)
         AND failures < calls AND account_days >= $warm_up_days
       THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to replace' ELSE ' replaced' END || ' the code of '
    || listed(coalesce(targets_done, targets), 3) || ' (' || listed(coalesce(apis_done, apis), 3) || ')'
    || also_failed(failures, calls)
    || CASE WHEN days_before = 0 THEN '; never before' ELSE '; before: on ' || counted(days_before, 'day', 'days') END
    || CASE WHEN is_elsewhere THEN '; from a network that is new for it' ELSE '' END AS summary,
  evidence,
  calls AS events,
  apis,
  targets,
  failures AS failed_calls,
  is_elsewhere AS from_a_new_network,
  is_of_pipelines AS baseline_only_machines_did_so,
  days_before AS baseline_days_it_did_so,
  account_days AS baseline_days_of_history
FROM reported
WHERE days_before = 0 OR is_elsewhere OR is_of_pipelines OR is_first_user_data
