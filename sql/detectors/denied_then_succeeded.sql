/*
title      = "A call that was always denied succeeds"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004", "T1098.003", "T1548.005"]
why        = """\
  Attackers try calls until one succeeds: with other credentials, or with permissions that they gave themselves."""
benign     = ["A permission that was requested and granted", "A policy whose mistake was corrected"]
respond    = ["Ask who granted the permission, and whether it was requested", "List what the identity has called since"]
[params]
min_denied    = { default = 3, min = 1, help = "denied calls in the 14 days before the first success" }
min_minutes   = { default = 30, min = 0, help = """\
  minutes between the first denial and the success, unless the identity changed permissions itself: quicker ones are \
  retries until a change takes effect""" }
own_denied    = { default = 1, min = 1, help = """\
  denied calls that are enough if the identity changed permissions itself in between""" }
*/
WITH denied AS MATERIALIZED (
  SELECT account_id, actor, event_source, api
  FROM daily_api_use
  WHERE event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND event_date < CAST($to AS DATE)
    AND denied > 0
  GROUP BY account_id, actor, event_source, api
  HAVING sum(denied) >= least($min_denied, $own_denied)
),
succeeded_now AS MATERIALIZED (
  SELECT DISTINCT d.account_id, d.actor, d.event_source, d.api
  FROM denied AS d
  JOIN daily_api_use AS u ON u.account_id = d.account_id AND u.actor = d.actor AND u.event_source = d.event_source
    AND u.api = d.api
  WHERE u.event_date >= CAST($from AS DATE) AND u.event_date < CAST($to AS DATE)
    AND u.calls > u.failures
),
-- The day on which an API succeeds for the first time.
first_success AS MATERIALIZED (
  SELECT u.account_id, u.actor, u.event_source, u.api, min(u.event_date) AS event_date
  FROM succeeded_now AS n
  JOIN daily_api_use AS u ON u.account_id = n.account_id AND u.actor = n.actor AND u.event_source = n.event_source
    AND u.api = n.api
  WHERE u.event_date < CAST($to AS DATE) AND u.calls > u.failures
  GROUP BY u.account_id, u.actor, u.event_source, u.api
  HAVING min(u.event_date) >= CAST($from AS DATE)
),
-- Those that were denied on that day or in the 14 days before.
candidates AS MATERIALIZED (
  SELECT * FROM (
    SELECT
      s.account_id, s.actor, s.event_source, s.api, s.event_date,
      CAST(sum(u.denied) AS BIGINT) AS denied,
      CAST(sum(CASE WHEN u.event_date < s.event_date THEN u.denied ELSE 0 END) AS BIGINT) AS denied_before,
      min(CASE WHEN u.event_date < s.event_date THEN u.first_time END) AS first_denied_before
    FROM first_success AS s
    JOIN daily_api_use AS u ON u.account_id = s.account_id AND u.actor = s.actor AND u.event_source = s.event_source
      AND u.api = s.api AND u.event_date BETWEEN s.event_date - INTERVAL '14 days' AND s.event_date
    WHERE u.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND u.event_date < CAST($to AS DATE)
      AND u.denied > 0
    GROUP BY s.account_id, s.actor, s.event_source, s.api, s.event_date
  )
  WHERE denied >= least($min_denied, $own_denied)
),
tries AS (
  SELECT
    d.account_id, d.actor, d.event_source, d.api, d.event_date, d.denied_before, d.first_denied_before,
    c.event_id, c.event_time, c.failed, c.access_key_id,
    coalesce(c.error_family = 'denied', FALSE) AS denied,
    min(CASE WHEN NOT c.failed THEN c.event_time END) OVER (
      PARTITION BY d.account_id, d.actor, d.event_source, d.api, d.event_date) AS opened
  FROM candidates AS d
  JOIN calls AS c ON c.account_id = d.account_id AND c.actor = d.actor AND c.event_source = d.event_source
    AND c.event_date = d.event_date
    -- Written so that it is not a key of the join, which would compute it for every event. Neither side is null.
    AND (c.api IS NOT DISTINCT FROM d.api)
  WHERE c.event_time >= $from AND c.event_time < $to AND NOT c.by_service
),
opened AS (
  SELECT
    account_id, actor, event_source, api, event_date, opened, denied_before,
    coalesce(first_denied_before, min(event_time) FILTER (WHERE denied)) AS first_denied,
    max(event_time) FILTER (WHERE denied AND event_time < opened) AS last_denied,
    count(*) FILTER (WHERE denied AND event_time < opened) AS denied_today,
    count(*) FILTER (WHERE NOT failed) AS succeeded,
    max(access_key_id) FILTER (WHERE event_time = opened) AS key_of_success,
    max(access_key_id) FILTER (WHERE denied AND event_time < opened) AS key_of_denial,
    -- The denied calls and the first that succeeded.
    evidence(event_id, event_time, CAST(denied AS VARCHAR)) FILTER (WHERE denied OR event_time = opened)
      AS evidence
  FROM tries
  GROUP BY account_id, actor, event_source, api, event_date, opened, denied_before, first_denied_before
),
-- Changes of permissions on the day, by whom and for whom.
changes AS (
  SELECT account_id, actor, event_date, event_time, api, target
  FROM sensitive_calls
  WHERE event_date >= CAST($from AS DATE) AND event_time >= $from AND event_time < $to AND NOT failed
    AND category IN ('administrator granted', 'permissions changed', 'trust changed')
),
explained AS (
  SELECT
    o.account_id, o.actor, o.event_source, o.api, o.event_date, o.opened, o.first_denied, o.denied_before,
    o.denied_today, o.succeeded, o.key_of_success, o.key_of_denial,
    bool_or(coalesce(c.actor = o.actor, FALSE)) AS by_itself,
    bool_or(coalesce(c.actor <> o.actor, FALSE)) AS by_another,
    max(c.actor) FILTER (WHERE c.actor <> o.actor) AS granted_by,
    first_value(o.evidence) AS evidence
  FROM opened AS o
  LEFT JOIN changes AS c ON c.account_id = o.account_id AND c.event_date = o.event_date
    AND c.event_time < o.opened AND c.event_time >= coalesce(o.last_denied, o.first_denied)
    -- The identity's own user or role, by the name in its ARN, or a policy that it changed itself and that may be its
    -- own.
    AND (strpos(o.actor || '/', '/' || c.target || '/') > 0
      OR (c.actor = o.actor AND c.target LIKE 'arn:%:policy/%'
        AND c.api IN ('CreatePolicyVersion', 'SetDefaultPolicyVersion')))
  WHERE o.denied_before + o.denied_today > 0
  GROUP BY o.account_id, o.actor, o.event_source, o.api, o.event_date, o.opened, o.first_denied, o.denied_before,
    o.denied_today, o.succeeded, o.key_of_success, o.key_of_denial
),
judged AS (
  SELECT
    *,
    denied_before + denied_today AS denied,
    coalesce(key_of_success <> key_of_denial, denied_before > 0) AS other_session,
    (to_unixtime(opened) - to_unixtime(first_denied)) / 60 AS minutes
  FROM explained
)
SELECT
  least(first_denied, opened) AS first_time,
  opened AS last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 10 denied calls.
  CASE WHEN by_itself THEN 0.9 ELSE saturating_score(denied, 10.0) END AS score,
  CASE WHEN by_itself AND event_source <> 'sts.amazonaws.com' THEN 'medium' ELSE 'low' END AS severity,
  actor || ' called ' || event_source || ':' || api || ' with success for the first time, after '
    || counted(denied, 'denied call', 'denied calls') || ' in '
    || counted(CAST(ceil(minutes / 60.0) AS BIGINT), 'hour', 'hours')
    || CASE WHEN by_itself THEN '; it changed permissions itself in between'
      WHEN by_another THEN '; ' || coalesce(granted_by, 'somebody') || ' changed its permissions in between'
      ELSE '; it used another session' END AS summary,
  evidence,
  denied_today + 1 AS events,
  event_source || ':' || api AS key,
  event_source || ':' || api AS what,
  denied,
  succeeded,
  by_itself AS changed_permissions_itself,
  by_another AS permissions_changed_by_another,
  0 AS baseline_successes_before,
  denied_before AS baseline_denied_14_days_before
FROM judged
WHERE (by_itself AND denied >= $own_denied)
  OR (denied >= $min_denied AND minutes >= $min_minutes AND (by_another OR other_session))
