-- Calls that write objects in S3, failed ones too, with the bucket and the key that encrypts the object.
SELECT
  event_date, event_time, event_id, account_id, actor, api, failed,
  json_get_str(request_parameters, 'bucketName') AS bucket,
  CASE
    -- SSE-C: the caller keeps the key.
    WHEN json_get_str(request_parameters, 'x-amz-server-side-encryption-customer-algorithm') IS NOT NULL
      OR json_get_str(additional_event_data, 'SSEApplied') = 'SSE_C' THEN 'customer'
    ELSE json_get_str(request_parameters, 'x-amz-server-side-encryption-aws-kms-key-id')
  END AS key_id,
  api IN ('CopyObject', 'UploadPartCopy') AS is_copy
FROM identified_calls
WHERE NOT by_service
  AND event_source = 's3.amazonaws.com'
  AND api IN ('CopyObject', 'PutObject', 'UploadPartCopy', 'CreateMultipartUpload')
