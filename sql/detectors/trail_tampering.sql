/*
title      = "Logging or detection weakened"
severity   = "high"
confidence = "medium"
attack     = ["T1562.008", "T1562.001", "T1070"]
why        = "Who wants to stay unseen begins with what sees."
benign     = ["Infrastructure code that rebuilds a trail", "An account that is closed on purpose"]
respond    = ["Turn it on again and read what happened while it was off", "Ask who ordered the change"]
[params]
routine_days = { default = 3, min = 1, help = "an identity, or peers of it, that did the same on this many earlier days do it by routine" }
*/
WITH weakened AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, event_source, api,
    event_source || ':' || api AS what,
    CASE
      WHEN api IN ('StopLogging', 'DeleteTrail', 'DeleteDetector', 'DisableSecurityHub', 'DisableMacie', 'LeaveOrganization',
                   'DeleteConfigurationRecorder', 'StopConfigurationRecorder', 'DeleteEventDataStore', 'StopEventDataStoreIngestion',
                   'DisassociateFromAdministratorAccount', 'DisassociateFromMasterAccount', 'StopMonitoringMembers')
        THEN 'high'
      -- Selectors without management events blind a trail while it looks alive.
      WHEN api = 'PutEventSelectors'
        AND replace(coalesce(request_parameters, ''), ' ', '') LIKE '%"includeManagementEvents":false%' THEN 'high'
      WHEN api = 'UpdateDetector' AND NOT coalesce(json_get_bool(request_parameters, 'enable'), TRUE) THEN 'high'
      WHEN api = 'UpdateDetector' THEN NULL
      -- A day or three of retention is deletion with a delay.
      WHEN api IN ('PutBucketLifecycle', 'PutBucketLifecycleConfiguration') THEN
        CASE WHEN regexp_like(coalesce(request_parameters, ''), '"Expiration":\s*\{[^}]*"Days":\s*"?[1-3]"?\s*[,}]') THEN 'medium' END
      WHEN api = 'PutRetentionPolicy' THEN
        CASE WHEN coalesce(json_get_int(request_parameters, 'retentionInDays'), 99) <= 3 THEN 'low' END
      -- The logs and alarms of an application come and go with it.
      WHEN event_source IN ('logs.amazonaws.com', 'monitoring.amazonaws.com', 'events.amazonaws.com') THEN 'low'
      ELSE 'medium'
    END AS weight
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND (
      (event_source = 'cloudtrail.amazonaws.com' AND api IN ('StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors',
        'DeleteEventDataStore', 'StopEventDataStoreIngestion', 'UpdateEventDataStore'))
      OR (event_source = 'guardduty.amazonaws.com' AND api IN ('DeleteDetector', 'UpdateDetector', 'DeleteMembers',
        'DisassociateMembers', 'DisassociateFromAdministratorAccount', 'DisassociateFromMasterAccount', 'StopMonitoringMembers',
        'CreateFilter', 'UpdateFilter', 'CreateIPSet', 'UpdateIPSet', 'DeletePublishingDestination'))
      OR (event_source = 'config.amazonaws.com' AND api IN ('StopConfigurationRecorder', 'DeleteConfigurationRecorder',
        'DeleteDeliveryChannel', 'DeleteConfigRule', 'DeleteConfigurationAggregator', 'DeleteRetentionConfiguration'))
      OR (event_source = 'securityhub.amazonaws.com' AND api IN ('DisableSecurityHub', 'BatchDisableStandards', 'DeleteInsight'))
      OR (event_source = 'macie2.amazonaws.com' AND api = 'DisableMacie')
      OR (event_source = 'access-analyzer.amazonaws.com' AND api = 'DeleteAnalyzer')
      OR (event_source = 'organizations.amazonaws.com' AND api = 'LeaveOrganization')
      OR (event_source = 'ec2.amazonaws.com' AND api = 'DeleteFlowLogs')
      OR (event_source = 'logs.amazonaws.com' AND api IN ('DeleteLogGroup', 'DeleteLogStream', 'PutRetentionPolicy',
        'DeleteSubscriptionFilter', 'DeleteMetricFilter'))
      OR (event_source = 'monitoring.amazonaws.com' AND api IN ('DeleteAlarms', 'DisableAlarmActions'))
      OR (event_source = 'events.amazonaws.com' AND api IN ('DisableRule', 'DeleteRule', 'RemoveTargets'))
      OR (event_source IN ('wafv2.amazonaws.com', 'waf.amazonaws.com') AND api IN ('DeleteWebACL', 'DeleteLoggingConfiguration', 'DisassociateWebACL', 'DeleteRuleGroup'))
      OR (event_source = 'route53resolver.amazonaws.com' AND api IN ('DeleteResolverQueryLogConfig', 'DisassociateResolverQueryLogConfig'))
      OR (event_source = 's3.amazonaws.com' AND api IN ('PutBucketLifecycle', 'PutBucketLifecycleConfiguration'))
    )
),
daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(what ORDER BY event_time, event_id)) AS what,
    array_distinct(array_agg(what) FILTER (WHERE weight <> 'low')) AS what_weighs,
    max(CASE WHEN weight = 'high' THEN 1 ELSE 0 END) AS heavy,
    evidence(event_id, event_time) AS evidence
  FROM weakened
  WHERE weight IS NOT NULL
  GROUP BY actor, account_id, event_date
),
kinds AS MATERIALIZED (
  SELECT DISTINCT event_source, api FROM weakened
),
used AS MATERIALIZED (
  SELECT u.actor, u.account_id, u.event_date, u.event_source, u.api
  FROM kinds AS k
  JOIN daily_api_use AS u ON u.event_source = k.event_source AND u.api = k.api
  WHERE u.changes > 0
),
-- Earlier days with calls of this kind, whatever they were asked for.
active AS (
  SELECT
    actor, account_id, event_date,
    count(*) OVER before AS days_before,
    coalesce(sum(heavy) OVER before, 0) AS heavy_days_before
  FROM (
    SELECT
      u.actor, u.account_id, u.event_date,
      max(CASE WHEN u.api IN ('StopLogging', 'DeleteTrail', 'PutEventSelectors', 'DeleteDetector', 'UpdateDetector', 'DisableSecurityHub',
        'DisableMacie', 'LeaveOrganization', 'DeleteConfigurationRecorder', 'StopConfigurationRecorder', 'DeleteEventDataStore',
        'StopEventDataStoreIngestion', 'DisassociateFromAdministratorAccount', 'DisassociateFromMasterAccount', 'StopMonitoringMembers')
        THEN 1 ELSE 0 END) AS heavy
    FROM used AS u
    GROUP BY u.actor, u.account_id, u.event_date
  )
  WINDOW before AS (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- What people of the same role do, whichever account they are in: who clears away alarms beside them is no news.
practice AS (
  SELECT
    peers, what, event_date,
    count(*) OVER (PARTITION BY peers, what ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (
    SELECT DISTINCT peer_group(u.actor) AS peers, u.event_source || ':' || u.api AS what, u.event_date
    FROM used AS u
  )
),
unpractised AS (
  SELECT d.actor, d.account_id, d.event_date, count(*) AS apis
  FROM (SELECT actor, account_id, event_date, unnest(what_weighs) AS what FROM daily) AS d
  LEFT JOIN practice AS p ON p.peers = peer_group(d.actor) AND p.what = d.what AND p.event_date = d.event_date
  WHERE coalesce(p.days_before, 0) < $routine_days
  GROUP BY d.actor, d.account_id, d.event_date
),
judged AS (
  SELECT
    d.*,
    coalesce(a.days_before, 0) AS days_before,
    coalesce(a.heavy_days_before, 0) AS heavy_days_before,
    coalesce(u.apis, 0) AS apis_unpractised
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_date = d.event_date
  LEFT JOIN unpractised AS u ON u.actor = d.actor AND u.account_id = d.account_id AND u.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_before) AS score,
  -- Who deletes alarms every day has no routine in stopping trails.
  CASE WHEN heavy = 1 AND heavy_days_before < $routine_days THEN 'high'
       WHEN days_before >= $routine_days THEN 'low'
       WHEN apis_unpractised >= 1 THEN 'medium'
       ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to weaken' ELSE ' weakened' END || ' logging or detection: '
    || array_to_string(array_slice(what, 1, 4), ', ')
    || CASE WHEN failures > 0 THEN '; ' || failures || ' of ' || calls || ' calls failed' ELSE '' END
    || CASE WHEN days_before > 0 THEN '; it had on ' || days_before || ' days before' ELSE '; never before' END AS summary,
  evidence,
  calls AS events,
  what,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so,
  coalesce(cardinality(what_weighs), 0) - apis_unpractised AS baseline_apis_its_peers_call
FROM judged
