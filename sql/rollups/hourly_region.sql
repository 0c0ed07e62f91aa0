-- One row an account, region and active hour: what identities do there by themselves. Services without a region write to
-- us-east-1, wherever the account works, and whoever signs in has changed nothing yet: not among the regional changes.
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
FROM (
  SELECT
    event_date,
    date_trunc('hour', event_time) AS hour,
    account_id,
    aws_region,
    event_time,
    -- Something other than data.
    NOT coalesce(read_only, TRUE) AND coalesce(management_event, TRUE) AS is_change,
    event_source NOT IN ('signin.amazonaws.com', 'sts.amazonaws.com')
      AND NOT (aws_region = 'us-east-1' AND event_source IN ('iam.amazonaws.com', 'organizations.amazonaws.com', 'route53.amazonaws.com',
        'cloudfront.amazonaws.com', 'support.amazonaws.com', 'account.amazonaws.com', 'billing.amazonaws.com', 'waf.amazonaws.com')) AS is_regional
  FROM calls
  WHERE NOT by_service
)
GROUP BY event_date, hour, account_id, aws_region
