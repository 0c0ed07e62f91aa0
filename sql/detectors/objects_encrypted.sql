/*
title      = "Objects rewritten with an outside encryption key"
severity   = "high"
confidence = "high"
kind       = "fact"
attack     = ["T1486", "T1490"]
why        = """\
  If objects are overwritten with a key that only another account or only the caller has, their owner can no longer \
  read them. Attackers demand a ransom for the key."""
benign     = ["Objects delivered under a partner's key", "A client that was set up to keep its own keys"]
respond    = [
  "IAM administrator: disable the identity and remove its write permissions",
  "owner of the workload: restore older versions before they expire",
]
[params]
min_objects = { default = 5, min = 1, help = """\
  objects of one bucket written within a day with an outside key never used with this bucket before""" }
*/
WITH daily AS (
  SELECT
    actor, account_id, bucket, key_id, event_date,
    split_part(key_id, ':', 5) AS key_account,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    count(*) FILTER (WHERE is_copy) AS copies,
    evidence(event_id, event_time, CAST(failed AS VARCHAR)) AS evidence
  FROM object_writes
  WHERE event_time >= $from AND event_time < $to
    AND (key_id = 'customer' OR key_id LIKE 'arn:%')
  GROUP BY actor, account_id, bucket, key_id, event_date
),
-- Without versioning, objects that were overwritten cannot be restored.
unversioned AS (
  SELECT DISTINCT actor, event_date, json_get_str(request_parameters, 'bucketName') AS bucket
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND event_source = 's3.amazonaws.com' AND api = 'PutBucketVersioning'
    AND request_parameters LIKE '%Suspended%'
),
known AS (
  SELECT bucket, key_id, min(event_date) AS since
  FROM daily_object_key
  WHERE event_date < CAST($to AS DATE)
  GROUP BY bucket, key_id
),
judged AS (
  SELECT d.*, u.bucket IS NOT NULL AS is_unversioned
  FROM daily AS d
  LEFT JOIN known AS k ON k.bucket = d.bucket AND k.key_id = d.key_id AND k.since < d.event_date
  LEFT JOIN own_account AS o ON o.account_id = d.key_account AND o.since <= d.event_date
  LEFT JOIN unversioned AS u ON u.actor = d.actor AND u.bucket = d.bucket AND u.event_date = d.event_date
  WHERE k.bucket IS NULL
    AND (d.key_id = 'customer' OR (d.key_account <> d.account_id AND o.account_id IS NULL))
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 10 objects.
  saturating_score(calls, 10.0) AS score,
  -- A client may encrypt what it uploads; rewriting existing objects is worse.
  CASE WHEN failures = calls THEN 'low'
       WHEN key_id = 'customer' AND copies = 0 AND NOT is_unversioned THEN 'low'
       ELSE 'high' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to write ' ELSE ' wrote ' END
    || counted(CASE WHEN failures = calls THEN calls ELSE calls - failures END, 'object', 'objects')
    || ' of bucket ' || coalesce(bucket, '(unnamed)') || ' with '
    || CASE WHEN key_id = 'customer' THEN 'a key that only the caller has'
            ELSE 'a KMS key of account ' || key_account END
    || also_failed(failures, calls)
    || '; the key was never used with this bucket before'
    || CASE WHEN is_unversioned THEN '; versioning was suspended' ELSE '' END AS summary,
  evidence,
  calls AS events,
  bucket || ' ' || key_id AS key,
  bucket,
  key_id,
  copies,
  failures AS failed_calls,
  0 AS baseline_days_with_the_key
FROM judged
WHERE calls >= $min_objects
