/*
title      = "Objects rewritten with a key from outside"
severity   = "high"
confidence = "high"
attack     = ["T1486", "T1490"]
why        = "Objects written over with a key that only another account, or only the caller, has are lost until somebody is paid."
benign     = ["Objects delivered under a partner's key", "A client that was set up to keep its own keys"]
respond    = ["Stop the identity and take its rights to write away", "Restore older versions before they expire"]
[params]
min_objects = { default = 5, min = 1, help = "objects of one bucket written within a day under a key from outside that the bucket never saw" }
*/
WITH written AS (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, api,
    json_get_str(request_parameters, 'bucketName') AS bucket,
    json_get_str(request_parameters, 'key') AS object,
    CASE
      -- The key stays with the caller.
      WHEN json_get_str(request_parameters, 'x-amz-server-side-encryption-customer-algorithm') IS NOT NULL
        OR json_get_str(additional_event_data, 'SSEApplied') = 'SSE_C' THEN 'customer'
      ELSE json_get_str(request_parameters, 'x-amz-server-side-encryption-aws-kms-key-id')
    END AS key_id
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND event_source = 's3.amazonaws.com'
    AND api IN ('CopyObject', 'PutObject', 'UploadPartCopy', 'CreateMultipartUpload')
),
daily AS (
  SELECT
    actor, account_id, bucket, key_id, event_date,
    split_part(key_id, ':', 5) AS key_account,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    count(*) FILTER (WHERE api IN ('CopyObject', 'UploadPartCopy')) AS copies,
    evidence(event_id, event_time) AS evidence
  FROM written
  WHERE key_id = 'customer' OR key_id LIKE 'arn:%'
  GROUP BY actor, account_id, bucket, key_id, event_date
),
-- Versions are kept no more: what was there cannot come back.
unversioned AS (
  SELECT DISTINCT actor, event_date, json_get_str(request_parameters, 'bucketName') AS bucket
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND event_source = 's3.amazonaws.com' AND api = 'PutBucketVersioning'
    AND request_parameters LIKE '%Suspended%'
),
practice AS (
  SELECT bucket, key_id, min(event_date) AS since, count(*) AS days
  FROM daily_object_key
  GROUP BY bucket, key_id
),
judged AS (
  SELECT d.*, u.bucket IS NOT NULL AS is_unversioned
  FROM daily AS d
  LEFT JOIN practice AS p ON p.bucket = d.bucket AND p.key_id = d.key_id AND p.since < d.event_date
  LEFT JOIN own_account AS o ON o.account_id = d.key_account AND o.since <= d.event_date
  LEFT JOIN unversioned AS u ON u.actor = d.actor AND u.bucket = d.bucket AND u.event_date = d.event_date
  WHERE p.bucket IS NULL
    AND (d.key_id = 'customer' OR (d.key_account <> d.account_id AND o.account_id IS NULL))
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-calls / 10.0) AS score,
  -- A client may encrypt what it uploads; to rewrite what is there is another thing.
  CASE WHEN failures = calls THEN 'low' WHEN key_id = 'customer' AND copies = 0 AND NOT is_unversioned THEN 'low' ELSE 'high' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to write ' ELSE ' wrote ' END || calls || ' objects of ' || coalesce(bucket, 'a bucket')
    || CASE WHEN key_id = 'customer' THEN ' under a key that it kept' ELSE ' under a key of the outside account ' || key_account END
    || ', with which the bucket never was' || CASE WHEN is_unversioned THEN '; versioning was suspended' ELSE '' END
    || CASE WHEN failures > 0 THEN '; ' || failures || ' failed' ELSE '' END AS summary,
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
