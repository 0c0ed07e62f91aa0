-- One row a bucket, key that objects were written with, and day, for writers that name a key.
WITH written AS (
  SELECT
    event_date,
    account_id,
    event_time,
    json_get_str(request_parameters, 'bucketName') AS bucket,
    CASE
      -- The key stays with the caller.
      WHEN json_get_str(request_parameters, 'x-amz-server-side-encryption-customer-algorithm') IS NOT NULL
        OR json_get_str(additional_event_data, 'SSEApplied') = 'SSE_C' THEN 'customer'
      ELSE json_get_str(request_parameters, 'x-amz-server-side-encryption-aws-kms-key-id')
    END AS key_id
  FROM calls
  WHERE NOT by_service
    AND event_source = 's3.amazonaws.com'
    AND api IN ('CopyObject', 'PutObject', 'UploadPartCopy', 'CreateMultipartUpload')
    AND NOT failed
)
SELECT event_date, account_id, bucket, key_id, min(event_time) AS first_time, count(*) AS calls
FROM written
WHERE key_id IS NOT NULL
GROUP BY event_date, account_id, bucket, key_id
