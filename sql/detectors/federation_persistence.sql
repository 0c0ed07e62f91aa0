/*
title      = "Federated session or console sign-in created with a long-lived key"
severity   = "medium"
confidence = "medium"
kind       = "fact"
attack     = ["T1098.001", "T1550.001", "T1078.004"]
why        = "A federated session stays valid when the key is deleted, and gives access to the console."
benign     = ["A new identity broker", "A developer who tries the API once"]
respond    = [
  "IAM administrator: deny the user's sessions issued before now",
  "Search for later calls with the session's name",
]
[params]
routine_days = { default = 2, min = 1, help = "earlier days with such calls that make it routine for the identity" }
*/
WITH made AS (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, api,
    json_get_str(request_parameters, 'name') AS session,
    json_get_str(response_elements, 'credentials', 'accessKeyId') AS made_key
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND in_api_list('makes_federated_session', event_source, event_name)
    AND (api <> 'GetFederationToken' OR user_identity_type IN ('IAMUser', 'Root'))
),
daily AS (
  SELECT
    actor, account_id, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    bool_or(api = 'GetFederationToken' AND NOT failed) AS with_token,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    first_value(session ORDER BY event_time, event_id) FILTER (WHERE session IS NOT NULL) AS session,
    first_value(made_key ORDER BY event_time, event_id) FILTER (WHERE made_key IS NOT NULL) AS made_key,
    evidence(event_id, event_time) AS evidence
  FROM made
  GROUP BY actor, account_id, event_date
),
judged AS (
  SELECT d.*, coalesce(p.days_before, 0) AS days_before
  FROM daily AS d
  LEFT JOIN api_list_days AS p ON p.list = 'makes_federated_session' AND p.actor = d.actor
    AND p.account_id = d.account_id AND p.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN days_before = 0 THEN 0.8 ELSE 0.4 END AS score,
  CASE WHEN days_before = 0 AND with_token THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried to create' ELSE ' created' END || ' a session'
    || coalesce(' named ' || session, '') || ' from its long-lived key with ' || array_to_string(apis, ', ')
    || also_failed(failures, calls)
    || CASE WHEN days_before = 0 THEN '; never before' ELSE '; before: on ' || counted(days_before, 'day', 'days') END
    AS summary,
  evidence,
  calls AS events,
  session,
  made_key AS session_access_key_id,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so
FROM judged
WHERE days_before < $routine_days
