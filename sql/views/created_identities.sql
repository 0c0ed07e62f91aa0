-- Users and roles that were created: one row per call that succeeded.
SELECT
  event_date, event_time, account_id, api,
  actor AS maker,
  coalesce(json_get_str(request_parameters, 'userName'), json_get_str(request_parameters, 'roleName')) AS name
FROM identified_calls
WHERE event_source = 'iam.amazonaws.com'
  AND api IN ('CreateUser', 'CreateRole')
  AND NOT failed
