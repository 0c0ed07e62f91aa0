-- One row per account, region and active hour: what identities do there by themselves.
WITH judged AS (
  SELECT
    event_date, event_time, account_id, aws_region, is_change,
    date_trunc('hour', event_time) AS hour,
    is_regional(event_source, aws_region) AS is_regional
  FROM identified_calls
  WHERE NOT by_service
)
SELECT
  event_date,
  hour,
  account_id,
  aws_region,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE is_change) AS changes,
  count(*) FILTER (WHERE is_change AND is_regional) AS regional_changes
FROM judged
GROUP BY event_date, hour, account_id, aws_region
