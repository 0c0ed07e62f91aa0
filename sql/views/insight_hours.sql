-- Hourly counts over all callers, as in CloudTrail Insights. Kind 'calls': the changing calls of one API; kind
-- 'errors': its failed calls with one error code.
SELECT 'calls' AS kind, event_date, hour, account_id, aws_region, event_source, event_name, '' AS error_code,
  changes AS calls, first_time, last_time
FROM hourly_api_use
WHERE changes > 0
UNION ALL
SELECT 'errors' AS kind, event_date, hour, account_id, aws_region, event_source, event_name, error_code,
  calls, first_time, last_time
FROM hourly_api_use
WHERE error_code IS NOT NULL
