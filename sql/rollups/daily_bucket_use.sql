-- One row an identity, bucket and day: what was read from it, written to it and deleted. Failed calls moved nothing.
WITH of_objects AS (
  SELECT
    event_date, account_id, actor, event_time, api,
    json_get_str(request_parameters, 'bucketName') AS bucket,
    json_get_float(additional_event_data, 'bytesTransferredOut') AS bytes_out
  FROM calls
  WHERE event_source = 's3.amazonaws.com'
    AND management_event IS NOT TRUE
    AND NOT by_service
    AND NOT failed
)
SELECT
  event_date,
  account_id,
  actor,
  bucket,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) FILTER (WHERE api IN ('GetObject', 'SelectObjectContent', 'CopyObject', 'GetObjectTorrent')) AS reads,
  -- Listings cost bytes too: only what leaves with objects.
  CAST(coalesce(sum(bytes_out) FILTER (WHERE api IN ('GetObject', 'SelectObjectContent', 'GetObjectTorrent')), 0) AS BIGINT) AS bytes_out,
  count(*) FILTER (WHERE api IN ('PutObject', 'PostObject', 'CopyObject', 'CompleteMultipartUpload', 'RestoreObject')) AS writes,
  count(*) FILTER (WHERE api IN ('DeleteObject', 'DeleteObjects')) AS deletes
FROM of_objects
WHERE bucket IS NOT NULL
GROUP BY event_date, account_id, actor, bucket
