-- Calls that read or replace secrets and parameters: one row per call and secret. A call that filters secrets by tag
-- does not name them; it counts as one.
SELECT
  event_date, event_time, event_id, account_id, actor, source_ip_address, client, failed, writes,
  -- The same name in another region is another secret.
  aws_region || ' ' || unnest(CASE
    WHEN json_length(request_parameters, 'secretIdList') > 0
      THEN json_get_array(request_parameters, 'secretIdList')
    WHEN json_length(request_parameters, 'names') > 0 THEN json_get_array(request_parameters, 'names')
    -- By name or by ARN, which ends with six characters that AWS adds.
    ELSE make_array(coalesce(
      regexp_replace(json_get_str(request_parameters, 'secretId'), '^arn:.*:secret:(.*)-[0-9A-Za-z]{6}$', '\1'),
      json_get_str(request_parameters, 'name'), json_get_str(request_parameters, 'path'),
      json_get_str(request_parameters, 'instanceId'), request_parameters, 'unnamed'))
  END) AS secret
FROM (
  SELECT *, in_api_list('writes_secrets', event_source, event_name) AS writes
  FROM identified_calls
  WHERE NOT by_service
    AND (in_api_list('reads_secrets', event_source, event_name)
      OR in_api_list('writes_secrets', event_source, event_name))
)
