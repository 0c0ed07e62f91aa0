-- One row per identity, bucket and day: what was read from it, written to it and deleted.
SELECT
  event_date,
  account_id,
  actor,
  bucket,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) FILTER (WHERE is_read) AS reads,
  -- Bytes of objects only: listings cost bytes too, and a copy stays in S3.
  CAST(coalesce(sum(bytes_out) FILTER (WHERE is_read AND api <> 'CopyObject'), 0) AS BIGINT) AS bytes_out,
  count(*) FILTER (
    WHERE api IN ('PutObject', 'PostObject', 'CopyObject', 'CompleteMultipartUpload', 'RestoreObject')) AS writes,
  count(*) FILTER (WHERE api IN ('DeleteObject', 'DeleteObjects')) AS deletes
FROM object_calls
WHERE bucket IS NOT NULL
GROUP BY event_date, account_id, actor, bucket
