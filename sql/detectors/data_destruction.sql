/*
title      = "Many backups or data stores deleted"
severity   = "medium"
confidence = "medium"
kind       = "fact"
attack     = ["T1485", "T1490"]
why        = "Attackers who extort or destroy delete backups first."
benign     = ["An environment that is taken down on purpose", "A one-time manual clean-up of old snapshots"]
respond    = [
  "IAM administrator: disable the identity",
  "owner of the workload: see what can be restored: recycle bins, vaults of other accounts, keys pending deletion",
]
[params]
min_calls     = { default = 4, min = 1, help = """\
  minimum deletions in a day beyond the routine of the identity and its peers""" }
expiry_days   = { default = 7, min = 1, help = """\
  days of a lifecycle rule that deletes everything in a bucket; in the Codefinger attacks of January 2025 it was 7""" }
many_calls    = { default = 15, min = 2, help = "deletions beyond the routine that raise the severity" }
excess        = { default = 2.0, min = 1, help = "routine per API, as a multiple of the previous maximum in a day" }
practice_days = { default = 3, min = 1, help = """\
  earlier days on which the identity or its peers called the API that make it routine""" }
warm_up_days  = { default = 7, min = 0, max = 90, help = """\
  days of history the account needs, unless many_calls is reached""" }
*/
WITH listed AS (
  SELECT
    actor, account_id, aws_region, event_date, event_time, event_id, failed, event_source, api, request_parameters,
    event_source IN ('backup.amazonaws.com', 'dlm.amazonaws.com', 'rbin.amazonaws.com')
      OR api LIKE '%Snapshot%' OR api LIKE '%Backup%' OR api LIKE '%Bucket%' AS is_backup
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND read_only IS NOT TRUE
    AND in_api_list('deletes_data', event_source, event_name)
),
-- Changes to settings count only if they lead to deletion: versioning suspended, all objects of a bucket that expire
-- soon, no backups kept, deletion protection switched off, backups that expire within a week.
deleting AS MATERIALIZED (
  SELECT actor, account_id, aws_region, event_date, event_time, event_id, failed, event_source, api, is_backup
  FROM listed
  WHERE CASE
    WHEN api = 'PutBucketVersioning' THEN request_parameters LIKE '%Suspended%'
    WHEN api LIKE 'PutBucketLifecycle%' THEN shortest_expiry_days(request_parameters) <= $expiry_days
    WHEN api IN ('ModifyDBInstance', 'ModifyDBCluster') THEN regexp_like(request_parameters,
      '"(backupRetentionPeriod"\s*:\s*"?0|deletionProtection"\s*:\s*"?false)')
    WHEN api = 'UpdateContinuousBackups' THEN request_parameters LIKE '%Enabled":false%'
    WHEN api = 'UpdateRecoveryPointLifecycle' THEN regexp_like(request_parameters,
      '"deleteAfterDays"\s*:\s*"?[1-7]"?\s*[,}]')
    ELSE TRUE
  END
),
by_api AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_source, api,
    count(*) AS calls,
    count(*) FILTER (WHERE NOT failed) AS done,
    count(*) FILTER (WHERE is_backup AND NOT failed) AS backups
  FROM deleting
  GROUP BY actor, account_id, event_date, event_source, api
),
-- The previous maximum in a day, of the identity or any of its peers.
practice AS (
  SELECT
    peers, event_source, api, event_date,
    coalesce(max(calls) OVER before, 0) AS most_before,
    count(*) OVER before AS days_before
  FROM (
    SELECT peers, event_source, api, event_date, max(calls) AS calls
    FROM (
      SELECT peer_group(actor) AS peers, actor, event_source, api, event_date, CAST(sum(calls) AS BIGINT) AS calls
      FROM daily_api_use
      WHERE event_source || ':' || api IN (SELECT event_source || ':' || api FROM by_api)
        AND event_date < CAST($to AS DATE)
      GROUP BY peer_group(actor), actor, event_source, api, event_date
    )
    GROUP BY peers, event_source, api, event_date
  )
  WINDOW before AS (
    PARTITION BY peers, event_source, api ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
compared AS (
  SELECT
    b.*,
    CASE WHEN p.days_before >= $practice_days THEN p.most_before ELSE 0 END AS routine,
    coalesce(p.most_before, 0) AS most_before,
    coalesce(p.days_before, 0) AS days_before,
    CAST(b.event_date - o.since AS BIGINT) AS account_days
  FROM by_api AS b
  LEFT JOIN practice AS p ON p.peers = peer_group(b.actor) AND p.event_source = b.event_source AND p.api = b.api
    AND p.event_date = b.event_date
  LEFT JOIN own_account AS o ON o.account_id = b.account_id
),
judged AS (
  SELECT
    actor, account_id, event_date,
    CAST(sum(calls) AS BIGINT) AS calls,
    CAST(sum(done) AS BIGINT) AS done,
    CAST(sum(backups) AS BIGINT) AS backups,
    CAST(sum(greatest(calls - CAST($excess * routine AS BIGINT), 0)) AS BIGINT) AS beyond,
    CAST(max(most_before) AS BIGINT) AS most_before,
    CAST(max(days_before) AS BIGINT) AS days_before,
    max(account_days) AS account_days
  FROM compared
  GROUP BY actor, account_id, event_date
),
daily AS (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    array_distinct(array_agg(event_source || ':' || api ORDER BY event_time)) AS apis,
    array_distinct(array_agg(api_in_words(api, FALSE) ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS done,
    array_distinct(array_agg(api_in_words(api, TRUE) ORDER BY event_time, event_id)) AS tried,
    array_distinct(array_agg(coalesce(aws_region, 'no region') ORDER BY event_time, event_id)) AS regions,
    count(*) AS events,
    evidence(event_id, event_time, CAST(failed AS VARCHAR)) AS evidence
  FROM deleting
  GROUP BY actor, account_id, event_date
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  j.actor AS entity,
  j.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 8 deletions beyond routine, twice the least that is reported.
  saturating_score(j.beyond, 8.0) AS score,
  CASE WHEN j.done = 0 THEN 'low'
       WHEN j.beyond >= $many_calls AND j.backups > 0 THEN 'high'
       WHEN j.beyond >= $many_calls THEN 'medium'
       WHEN j.account_days < $warm_up_days THEN 'low'
       WHEN j.backups >= $min_calls THEN 'medium'
       ELSE 'low' END AS severity,
  j.actor || ' ' || listed(coalesce(d.done, d.tried), 4)
    || CASE WHEN j.done = 0 THEN ': ' || counted(j.calls, 'call', 'calls') || ', all failed'
            ELSE ': ' || counted(j.done, 'call', 'calls') END
    || ' in ' || listed(d.regions, 3)
    || also_failed(j.calls - j.done, j.calls)
    || '; data stores or backups, or what protects them'
    || '; previous maximum of one API in a day, including peers: ' || j.most_before AS summary,
  d.evidence,
  d.events,
  d.apis,
  j.backups,
  j.calls - j.done AS failed_calls,
  j.most_before AS baseline_most_of_a_kind_in_a_day,
  j.days_before AS baseline_days_it_or_peers_did_so
FROM judged AS j
JOIN daily AS d ON d.actor = j.actor AND d.account_id = j.account_id AND d.event_date = j.event_date
WHERE j.beyond >= $min_calls
