-- Successful calls about objects in S3, with their bucket. Failed calls moved nothing.
SELECT
  event_date, event_time, event_id, account_id, actor, api,
  json_get_str(request_parameters, 'bucketName') AS bucket,
  json_get_float(additional_event_data, 'bytesTransferredOut') AS bytes_out,
  api IN ('GetObject', 'SelectObjectContent', 'CopyObject', 'GetObjectTorrent') AS is_read
FROM identified_calls
WHERE event_source = 's3.amazonaws.com'
  AND management_event IS NOT TRUE
  AND NOT by_service
  AND NOT failed
