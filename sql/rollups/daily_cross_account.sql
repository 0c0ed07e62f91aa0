-- One row an identity that calls in an account other than its own, and day. The assumption of a role counts for the
-- account of the role, whichever side recorded it.
WITH placed AS (
  SELECT
    *,
    coalesce(
      CASE WHEN event_source = 'sts.amazonaws.com' THEN split_part(json_get_str(request_parameters, 'roleArn'), ':', 5) END,
      account_id) AS into_account
  FROM calls
  WHERE NOT by_service
)
SELECT
  event_date,
  user_identity_account_id AS from_account,
  into_account,
  account_id,
  actor,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE read_only IS FALSE AND management_event IS NOT FALSE) AS changes
FROM placed
WHERE user_identity_account_id <> into_account
GROUP BY event_date, user_identity_account_id, into_account, account_id, actor
