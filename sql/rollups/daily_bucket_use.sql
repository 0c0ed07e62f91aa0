-- One row per identity, bucket and day: what was read from it, written to it and deleted.
WITH of_objects AS (
  SELECT
    event_date, account_id, actor, event_time, api, bucket, is_read,
    json_get_float(additional_event_data, 'bytesTransferredOut') AS bytes_out
  FROM object_calls
)
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
FROM of_objects
WHERE bucket IS NOT NULL
GROUP BY event_date, account_id, actor, bucket
