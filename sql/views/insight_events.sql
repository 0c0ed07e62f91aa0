-- The events that `insight_hours` counts.
SELECT 'calls' AS kind, event_date, event_time, event_id, account_id, aws_region, event_source, event_name,
  '' AS error_code, actor
FROM unique_events
WHERE read_only IS FALSE AND management_event IS NOT FALSE
UNION ALL
SELECT 'errors' AS kind, event_date, event_time, event_id, account_id, aws_region, event_source, event_name,
  error_code, actor
FROM unique_events
WHERE error_code IS NOT NULL
