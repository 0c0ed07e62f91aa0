/*
title      = "Logging or detection weakened"
severity   = "high"
confidence = "medium"
kind       = "fact"
attack     = ["T1562.008", "T1562.001", "T1070"]
why        = "Attackers who want to stay unseen switch off logging and detection first."
benign     = ["Infrastructure code that rebuilds a trail", "An account that is closed on purpose"]
respond    = ["security team: turn it on again and read what happened while it was off", "Ask who requested the change"]
[params]
routine_days = { default = 3, min = 1, help = """\
  earlier days on which the identity or its peers did the same that make it routine""" }
*/
WITH changed AS (
  SELECT
    *,
    event_source || ':' || api AS what,
    coalesce(json_get_str(request_parameters, 'name'), json_get_str(request_parameters, 'trailName'),
      json_get_str(request_parameters, 'eventDataStore'), json_get_str(request_parameters, 'detectorId'),
      json_get_str(request_parameters, 'configurationRecorderName'),
      json_get_str(request_parameters, 'deliveryChannelName'), json_get_str(request_parameters, 'bucketName'),
      json_get_str(request_parameters, 'logGroupName'), json_get_str(request_parameters, 'alarmNames', 0)) AS object,
    in_api_list('stops_logging', event_source, event_name) AS stops
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND (in_api_list('stops_logging', event_source, event_name)
      OR in_api_list('weakens_logging', event_source, event_name))
),
weakened AS MATERIALIZED (
  SELECT
    actor, account_id, aws_region, event_date, event_time, event_id, failed, event_source, api, what, object,
    CASE
      WHEN stops THEN 'high'
      -- Without management events, a trail records almost nothing but still looks healthy.
      WHEN api = 'PutEventSelectors'
        AND replace(coalesce(request_parameters, ''), ' ', '') LIKE '%"includeManagementEvents":false%' THEN 'high'
      WHEN api = 'UpdateDetector'
        THEN CASE WHEN NOT coalesce(json_get_bool(request_parameters, 'enable'), TRUE) THEN 'high' END
      -- A filter that archives findings hides them; one for a kind of finding or a resource is common. Others are saved
      -- searches.
      WHEN api IN ('CreateFilter', 'UpdateFilter')
        THEN CASE WHEN api = 'CreateFilter' AND (json_get_str(request_parameters, 'action') IS DISTINCT FROM 'ARCHIVE')
                    THEN NULL
                  WHEN regexp_like(coalesce(request_parameters, ''), '"(type|id|resource[.][^"]*|service[.][^"]*)"')
                    THEN 'low'
                  ELSE 'medium' END
      -- What a trail no longer covers or proves, or another place for its logs.
      WHEN api = 'UpdateTrail'
        THEN CASE WHEN regexp_like(coalesce(request_parameters, ''),
                    '"(isMultiRegionTrail|enableLogFileValidation|includeGlobalServiceEvents)"\s*:\s*"?false')
                    OR json_get_str(request_parameters, 's3BucketName') IS NOT NULL
                    OR json_get_str(request_parameters, 'cloudWatchLogsLogGroupArn') = '' THEN 'medium'
                  ELSE 'low' END
      -- Objects or log entries that are kept for three days at most are as good as deleted.
      WHEN api IN ('PutBucketLifecycle', 'PutBucketLifecycleConfiguration')
        THEN CASE WHEN regexp_like(coalesce(request_parameters, ''),
          '"Expiration":\s*\{[^}]*"Days":\s*"?[1-3]"?\s*[,}]') THEN 'medium' END
      WHEN api = 'PutRetentionPolicy'
        THEN CASE WHEN coalesce(json_get_int(request_parameters, 'retentionInDays'), 99) <= 3 THEN 'low' END
      -- Logs and alarms of an application are created and deleted with it.
      WHEN event_source IN ('logs.amazonaws.com', 'monitoring.amazonaws.com', 'events.amazonaws.com') THEN 'low'
      ELSE 'medium'
    END AS weight
  FROM changed
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
    array_distinct(array_agg(api_in_words(api, FALSE) || ' of ' || service || coalesce(' `' || object || '`', '')
      ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS done,
    array_distinct(array_agg(api_in_words(api, TRUE) || ' of ' || service || coalesce(' `' || object || '`', '')
      ORDER BY event_time, event_id)) AS tried,
    array_distinct(array_agg(coalesce(aws_region, 'no region') ORDER BY event_time, event_id)) AS regions,
    bool_or(weight = 'high') AS heavy,
    evidence(event_id, event_time, CAST(failed AS VARCHAR)) AS evidence
  FROM (
    SELECT
      *,
      CASE split_part(event_source, '.', 1)
        WHEN 'cloudtrail' THEN 'CloudTrail'
        WHEN 'guardduty' THEN 'GuardDuty'
        WHEN 'config' THEN 'AWS Config'
        WHEN 'securityhub' THEN 'Security Hub'
        WHEN 'monitoring' THEN 'CloudWatch'
        WHEN 'logs' THEN 'CloudWatch Logs'
        WHEN 'events' THEN 'EventBridge'
        ELSE split_part(event_source, '.', 1)
      END AS service
    FROM weakened
  )
  WHERE weight IS NOT NULL
  GROUP BY actor, account_id, event_date
),
-- Days on which anybody called the same APIs, whatever they set.
used AS MATERIALIZED (
  SELECT
    u.actor, peer_group(u.actor) AS peers, u.account_id, u.event_date,
    u.event_source || ':' || u.api AS what,
    in_api_list('stops_logging', u.event_source, u.api) OR u.api IN ('PutEventSelectors', 'UpdateDetector') AS heavy
  FROM (SELECT DISTINCT event_source, api FROM weakened) AS w
  JOIN daily_api_use AS u ON u.event_source = w.event_source AND u.api = w.api
  WHERE u.changes > 0 AND u.event_date < CAST($to AS DATE)
),
own AS (
  SELECT
    actor, account_id, event_date,
    count(*) OVER before AS days_before,
    count(*) FILTER (WHERE heavy) OVER before AS heavy_days_before
  FROM (
    SELECT actor, account_id, event_date, bool_or(heavy) AS heavy
    FROM used
    GROUP BY actor, account_id, event_date
  )
  WINDOW before AS (
    PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
practice AS (
  SELECT
    peers, what, event_date,
    count(*) OVER (PARTITION BY peers, what ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
      AS days_before
  FROM (SELECT DISTINCT peers, what, event_date FROM used)
),
-- APIs of the day that are not routine among the identity's peers.
unusual AS (
  SELECT d.actor, d.account_id, d.event_date, count(*) AS apis
  FROM (SELECT actor, account_id, event_date, unnest(what_weighs) AS what FROM daily) AS d
  LEFT JOIN practice AS p ON p.peers = peer_group(d.actor) AND p.what = d.what AND p.event_date = d.event_date
  WHERE coalesce(p.days_before, 0) < $routine_days
  GROUP BY d.actor, d.account_id, d.event_date
),
judged AS (
  SELECT
    d.*,
    coalesce(o.days_before, 0) AS days_before,
    coalesce(o.heavy_days_before, 0) AS heavy_days_before,
    coalesce(u.apis, 0) AS unusual_apis
  FROM daily AS d
  LEFT JOIN own AS o ON o.actor = d.actor AND o.account_id = d.account_id AND o.event_date = d.event_date
  LEFT JOIN unusual AS u ON u.actor = d.actor AND u.account_id = d.account_id AND u.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + days_before) AS score,
  -- Deleting alarms every day does not make stopping a trail routine.
  CASE WHEN heavy AND heavy_days_before < $routine_days THEN 'high'
       WHEN days_before >= $routine_days THEN 'low'
       WHEN unusual_apis >= 1 THEN 'medium'
       ELSE 'low' END AS severity,
  actor || ' ' || listed(coalesce(done, tried), 4) || ' in ' || account_id || ' ' || listed(regions, 3)
    || also_failed(failures, calls)
    || CASE WHEN days_before > 0 THEN '; before: on ' || counted(days_before, 'day', 'days') ELSE '; never before' END
    AS summary,
  evidence,
  calls AS events,
  what,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so,
  coalesce(cardinality(what_weighs), 0) - unusual_apis AS baseline_apis_its_peers_call
FROM judged
