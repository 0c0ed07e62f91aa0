-- One row per account, region and active hour: what identities do there by themselves.
SELECT
  event_date,
  hour,
  account_id,
  aws_region,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(calls) AS calls,
  coalesce(sum(calls) FILTER (WHERE is_change), 0) AS changes,
  coalesce(sum(calls) FILTER (WHERE is_change AND is_regional(event_source, aws_region)), 0) AS regional_changes
FROM hourly_calls
GROUP BY event_date, hour, account_id, aws_region
