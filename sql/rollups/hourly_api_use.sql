-- One row per account, region, API, error code and hour, over all callers: what CloudTrail Insights counts. All events
-- are in it; events of CloudTrail Insights itself have no source and no name.
SELECT
  event_date,
  date_trunc('hour', event_time) AS hour,
  account_id,
  aws_region,
  event_source,
  event_name,
  error_code,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE read_only IS FALSE AND management_event IS NOT FALSE) AS changes
FROM unique_events
GROUP BY event_date, date_trunc('hour', event_time), account_id, aws_region, event_source, event_name, error_code
