/*
title      = "First use of paid e-mail, AI model or compute services"
severity   = "low"
confidence = "medium"
attack     = ["T1496.004", "T1496.001", "T1526"]
why        = """\
  Stolen keys are sold for what they can send or compute: attackers read quotas in every region, then use models and \
  e-mail at the owner's cost."""
benign     = ["A first project with the service", "A service that was moved to another region"]
respond    = [
  "IAM administrator: disable the key",
  "owner of the workload: ask AWS to lower the quotas, and check the bill for that day",
]
[params]
min_regions = { default = 2, min = 2, help = "regions whose sending quotas the identity reads within a day" }
min_calls   = { default = 10, min = 2, help = "paid calls in a day that are more than a trial" }
first_days  = { default = 2, min = 1, help = "active days with a service after which its use is no longer new" }
excess      = { default = 2.0, min = 0.0, help = "calls of the day as a multiple of the previous maximum of any peer" }
*/
WITH daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_source, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    bool_or(coalesce(access_key_id LIKE 'AKIA%', FALSE)) AS with_long_term_key,
    count(*) FILTER (WHERE in_api_list('paid_calls', event_source, event_name)) AS paid,
    count(*) FILTER (WHERE in_api_list('paid_calls', event_source, event_name) AND NOT failed) AS paid_done,
    count(*) FILTER (WHERE in_api_list('paid_use_prepared', event_source, event_name)) AS prepared,
    count(*) FILTER (WHERE in_api_list('paid_use_probed', event_source, event_name)) AS probes,
    count(DISTINCT CASE WHEN in_api_list('paid_use_probed', event_source, event_name) THEN aws_region END) AS regions,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    evidence(event_id, event_time) AS evidence
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND in_api_list('paid_services', event_source, event_name)
  GROUP BY actor, account_id, event_source, event_date
),
-- Earlier days of the identity with the service, and the busiest day of its peers.
practice AS (
  SELECT
    actor, account_id, event_source, event_date,
    count(*) OVER own AS days_before,
    coalesce(max(calls) OVER peers, 0) AS most_of_peers
  FROM (
    SELECT
      peer_group(actor) AS peers, actor, account_id, event_source, event_date, CAST(sum(calls) AS BIGINT) AS calls
    FROM daily_api_use
    WHERE event_source IN (SELECT event_source FROM daily) AND event_date < CAST($to AS DATE)
    GROUP BY peer_group(actor), actor, account_id, event_source, event_date
  )
  WINDOW own AS (
      PARTITION BY actor, account_id, event_source ORDER BY event_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
    peers AS (
      PARTITION BY peers, event_source ORDER BY event_date
      RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING)
),
judged AS (
  SELECT
    d.*,
    coalesce(p.days_before, 0) AS days_before,
    coalesce(p.most_of_peers, 0) AS most_of_peers,
    -- A workload's role that is new to a service was rolled out; a long-term key that is new to it may be stolen.
    d.with_long_term_key
      AND (d.regions >= $min_regions OR d.paid >= $min_calls OR (d.prepared > 0 AND d.probes > 0))
      AND d.calls > $excess * coalesce(p.most_of_peers, 0) AS is_abuse
  FROM daily AS d
  LEFT JOIN practice AS p ON p.actor = d.actor AND p.account_id = d.account_id AND p.event_source = d.event_source
    AND p.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN is_abuse THEN 0.8 ELSE 0.3 END AS score,
  CASE WHEN is_abuse THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to use ' ELSE ' used ' END || event_source || ': '
    || counted(CASE WHEN failures = calls THEN calls ELSE calls - failures END, 'call', 'calls')
    || CASE WHEN paid_done > 0 THEN ', ' || paid_done || ' of them paid' ELSE '' END
    || CASE WHEN regions > 1 THEN ', quotas in ' || regions || ' regions' ELSE '' END
    || also_failed(failures, calls)
    || CASE WHEN days_before = 0 THEN '; never used before'
            ELSE '; used on ' || counted(days_before, 'day', 'days') || ' before' END
    || '; previous maximum of a peer in a day: ' || counted(most_of_peers, 'call', 'calls') AS summary,
  evidence,
  calls AS events,
  event_source AS key,
  apis,
  regions,
  failures AS failed_calls,
  days_before AS baseline_days_it_used_the_service,
  most_of_peers AS baseline_most_calls_of_a_peer_in_a_day
FROM judged
WHERE days_before < $first_days
  AND (paid > 0 OR prepared > 0 OR probes > 0)
