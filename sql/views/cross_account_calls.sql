-- Calls of identities in an account other than their own. Assuming a role counts as a call in the role's account,
-- whichever side recorded it.
SELECT *
FROM (
  SELECT
    event_date, event_time, event_id, account_id, actor, failed, is_change,
    user_identity_account_id AS from_account,
    coalesce(
      CASE WHEN event_source = 'sts.amazonaws.com'
           THEN split_part(json_get_str(request_parameters, 'roleArn'), ':', 5) END,
      account_id) AS into_account
  FROM identified_calls
  WHERE NOT by_service
    -- Requests are long: only those that can name a role in another account are read.
    AND (event_source = 'sts.amazonaws.com' OR user_identity_account_id <> account_id)
)
WHERE from_account <> into_account
