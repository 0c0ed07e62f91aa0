/*
title      = "Session of a new kind made from a long-lived key"
severity   = "medium"
confidence = "medium"
attack     = ["T1098.001", "T1550.001", "T1078.004"]
why        = "A federated session made from a key outlives the key, and turns it into a console."
benign     = ["A broker of sessions that was set up", "A developer who tries the API once"]
respond    = ["Deny the user's sessions issued before now", "Follow the session's name in what was done since"]
[params]
routine_days = { default = 2, min = 1, help = "an identity that did it on this many earlier days does it by routine" }
*/
WITH made AS (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed, api,
    json_get_str(request_parameters, 'name') AS session,
    json_get_str(response_elements, 'credentials', 'accessKeyId') AS made_key
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND ((event_source = 'sts.amazonaws.com' AND api = 'GetFederationToken' AND user_identity_type IN ('IAMUser', 'Root'))
      OR (event_source = 'signin.amazonaws.com' AND api = 'GetSigninToken'))
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
active AS (
  SELECT
    actor, account_id, event_date,
    count(*) OVER (PARTITION BY actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (SELECT DISTINCT actor, account_id, event_date FROM daily_api_use WHERE api IN ('GetFederationToken', 'GetSigninToken'))
),
judged AS (
  SELECT d.*, coalesce(a.days_before, 0) AS days_before
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_date = d.event_date
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
  actor || CASE WHEN failures = calls THEN ' tried to make' ELSE ' made' END || ' a session of its own'
    || coalesce(' called ' || session, '') || ' with ' || array_to_string(apis, ', ')
    || CASE WHEN failures > 0 THEN '; ' || failures || ' of ' || calls || ' calls failed' ELSE '' END
    || CASE WHEN days_before = 0 THEN '; never before' ELSE '; on ' || days_before || ' days before' END AS summary,
  evidence,
  calls AS events,
  session,
  made_key AS session_access_key_id,
  failures AS failed_calls,
  days_before AS baseline_days_it_did_so
FROM judged
WHERE days_before < $routine_days
