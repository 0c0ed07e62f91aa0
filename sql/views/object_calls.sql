-- Successful calls about objects in S3, with their bucket. Failed calls moved nothing.
SELECT
  *,
  json_get_str(request_parameters, 'bucketName') AS bucket,
  api IN ('GetObject', 'SelectObjectContent', 'CopyObject', 'GetObjectTorrent') AS is_read
FROM calls
WHERE event_source = 's3.amazonaws.com'
  AND management_event IS NOT TRUE
  AND NOT by_service
  AND NOT failed
