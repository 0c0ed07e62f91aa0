/*
title      = "Backups or stores of data deleted in number"
severity   = "medium"
confidence = "medium"
attack     = ["T1485", "T1490"]
why        = "Who wants to be paid, or to do harm, first takes away what could be restored from."
benign     = ["An environment that is taken down on purpose", "Old snapshots cleared away by hand for once"]
respond    = ["Stop the identity", "See what can still be restored: recycle bins, vaults of other accounts, keys pending deletion"]
[params]
min_calls     = { default = 4, min = 1, help = "deletions beyond what the identity and its peers ever did in a day" }
many_calls    = { default = 15, min = 2, help = "from this many on it weighs more" }
excess        = { default = 2.0, min = 1, help = "times the most of a day before, per API, that is still routine" }
practice_days = { default = 3, min = 1, help = "earlier days with the API, of the identity or its peers, that make it a practice" }
warm_up_days  = { default = 7, min = 0, max = 90, help = "days of history the account needs, unless somebody deletes beyond many_calls" }
*/
WITH deleting AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, event_source, api,
    event_source IN ('backup.amazonaws.com', 'dlm.amazonaws.com', 'rbin.amazonaws.com')
      OR api LIKE '%Snapshot%' OR api LIKE '%Backup%' OR api LIKE '%Bucket%' AS is_backup,
    -- Deletion by setting: versions no longer kept, backups kept for no day, protection switched off.
    CASE
      WHEN api = 'PutBucketVersioning' THEN request_parameters LIKE '%Suspended%'
      WHEN api IN ('ModifyDBInstance', 'ModifyDBCluster') THEN regexp_like(request_parameters, '"(backupRetentionPeriod"\s*:\s*"?0|deletionProtection"\s*:\s*"?false)')
      WHEN api = 'UpdateContinuousBackups' THEN request_parameters LIKE '%Enabled":false%'
      WHEN api = 'UpdateRecoveryPointLifecycle' THEN regexp_like(request_parameters, '"deleteAfterDays"\s*:\s*"?[1-7]"?\s*[,}]')
      ELSE TRUE
    END AS deletes
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND read_only IS NOT TRUE
    AND event_source IN ('backup.amazonaws.com', 'dlm.amazonaws.com', 'dynamodb.amazonaws.com', 'ec2.amazonaws.com', 'ecr.amazonaws.com',
      'elasticache.amazonaws.com', 'elasticfilesystem.amazonaws.com', 'es.amazonaws.com', 'fsx.amazonaws.com', 'glacier.amazonaws.com',
      'rbin.amazonaws.com', 'rds.amazonaws.com', 'redshift.amazonaws.com', 's3.amazonaws.com', 'storagegateway.amazonaws.com')
    AND event_source || ':' || api IN (
      'ec2.amazonaws.com:DeleteSnapshot', 'ec2.amazonaws.com:DeregisterImage', 'ec2.amazonaws.com:DeleteVolume',
      'rds.amazonaws.com:DeleteDBSnapshot', 'rds.amazonaws.com:DeleteDBClusterSnapshot', 'rds.amazonaws.com:DeleteDBInstance',
      'rds.amazonaws.com:DeleteDBCluster', 'rds.amazonaws.com:DeleteDBInstanceAutomatedBackup', 'rds.amazonaws.com:DeleteDBClusterAutomatedBackup',
      'rds.amazonaws.com:DeleteGlobalCluster', 'rds.amazonaws.com:ModifyDBInstance', 'rds.amazonaws.com:ModifyDBCluster',
      'backup.amazonaws.com:DeleteRecoveryPoint', 'backup.amazonaws.com:DeleteBackupVault', 'backup.amazonaws.com:DeleteBackupPlan',
      'backup.amazonaws.com:DeleteBackupSelection', 'backup.amazonaws.com:DeleteBackupVaultLockConfiguration',
      'backup.amazonaws.com:DisassociateRecoveryPoint', 'backup.amazonaws.com:UpdateRecoveryPointLifecycle',
      'dlm.amazonaws.com:DeleteLifecyclePolicy', 'rbin.amazonaws.com:DeleteRule', 'rbin.amazonaws.com:UnlockRule',
      's3.amazonaws.com:DeleteBucket', 's3.amazonaws.com:PutBucketVersioning', 's3.amazonaws.com:DeleteBucketReplication',
      'dynamodb.amazonaws.com:DeleteTable', 'dynamodb.amazonaws.com:DeleteBackup', 'dynamodb.amazonaws.com:UpdateContinuousBackups',
      'redshift.amazonaws.com:DeleteCluster', 'redshift.amazonaws.com:DeleteClusterSnapshot', 'redshift.amazonaws.com:BatchDeleteClusterSnapshots',
      'elasticache.amazonaws.com:DeleteCacheCluster', 'elasticache.amazonaws.com:DeleteReplicationGroup', 'elasticache.amazonaws.com:DeleteSnapshot',
      'elasticfilesystem.amazonaws.com:DeleteFileSystem', 'elasticfilesystem.amazonaws.com:PutBackupPolicy',
      'fsx.amazonaws.com:DeleteFileSystem', 'fsx.amazonaws.com:DeleteBackup', 'fsx.amazonaws.com:DeleteVolume',
      'glacier.amazonaws.com:DeleteArchive', 'glacier.amazonaws.com:DeleteVault', 'ecr.amazonaws.com:DeleteRepository',
      'storagegateway.amazonaws.com:DeleteVolume', 'storagegateway.amazonaws.com:DeleteTape', 'es.amazonaws.com:DeleteDomain')
),
by_api AS MATERIALIZED (
  SELECT
    actor, account_id, event_date, event_source, api,
    count(*) AS calls,
    count(*) FILTER (WHERE NOT failed) AS done,
    count(*) FILTER (WHERE is_backup AND NOT failed) AS backups
  FROM deleting
  WHERE deletes
  GROUP BY actor, account_id, event_date, event_source, api
),
-- The most that the identity or a peer of it did in a day before.
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
      GROUP BY peer_group(actor), actor, event_source, api, event_date
    )
    GROUP BY peers, event_source, api, event_date
  )
  WINDOW before AS (PARTITION BY peers, event_source, api ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
judged AS (
  SELECT
    b.actor, b.account_id, b.event_date,
    CAST(sum(b.calls) AS BIGINT) AS calls,
    CAST(sum(b.done) AS BIGINT) AS done,
    CAST(sum(b.backups) AS BIGINT) AS backups,
    CAST(sum(greatest(b.calls - CAST($excess * CASE WHEN p.days_before >= $practice_days THEN p.most_before ELSE 0 END AS BIGINT), 0)) AS BIGINT) AS beyond,
    CAST(max(coalesce(p.most_before, 0)) AS BIGINT) AS most_before,
    CAST(max(coalesce(p.days_before, 0)) AS BIGINT) AS days_before,
    max(CAST(b.event_date - o.since AS BIGINT)) AS account_days
  FROM by_api AS b
  LEFT JOIN practice AS p ON p.peers = peer_group(b.actor) AND p.event_source = b.event_source AND p.api = b.api AND p.event_date = b.event_date
  LEFT JOIN own_account AS o ON o.account_id = b.account_id
  GROUP BY b.actor, b.account_id, b.event_date
)
SELECT
  min(d.event_time) AS first_time,
  max(d.event_time) AS last_time,
  'actor' AS entity_type,
  j.actor AS entity,
  j.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-j.beyond / 8.0) AS score,
  CASE WHEN j.done = 0 THEN 'low'
       WHEN j.beyond >= $many_calls AND j.backups > 0 THEN 'high'
       WHEN j.beyond >= $many_calls THEN 'medium'
       WHEN j.account_days < $warm_up_days THEN 'low'
       WHEN j.backups >= $min_calls THEN 'medium'
       ELSE 'low' END AS severity,
  j.actor || CASE WHEN j.done = 0 THEN ' tried to delete' ELSE ' deleted' END || ' what data is kept in or restored from: '
    || array_to_string(array_slice(array_distinct(array_agg(d.event_source || ':' || d.api ORDER BY d.event_time)), 1, 4), ', ')
    || ', ' || j.calls || ' calls' || CASE WHEN j.done < j.calls THEN ', ' || (j.calls - j.done) || ' failed' ELSE '' END
    || '; the most of one kind that it or its peers did in a day before was ' || j.most_before AS summary,
  evidence(d.event_id, d.event_time) AS evidence,
  count(*) AS events,
  array_distinct(array_agg(d.event_source || ':' || d.api ORDER BY d.event_time)) AS apis,
  j.backups,
  j.calls - j.done AS failed_calls,
  j.most_before AS baseline_most_of_a_kind_in_a_day,
  j.days_before AS baseline_days_it_or_peers_did_so
FROM judged AS j
JOIN deleting AS d ON d.actor = j.actor AND d.account_id = j.account_id AND d.event_date = j.event_date
WHERE d.deletes
  AND j.beyond >= $min_calls
GROUP BY j.actor, j.account_id, j.event_date, j.calls, j.done, j.backups, j.beyond, j.most_before, j.days_before, j.account_days
