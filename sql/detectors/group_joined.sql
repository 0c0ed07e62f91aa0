/*
title      = "User added to an administrators' group, or to one that rarely gets new members"
severity   = "low"
confidence = "medium"
attack     = ["T1098.003", "T1098"]
why        = "A member gets all policies of the group with one call, and no policy changes."
benign     = ["A new administrator", "A group that is new"]
respond    = [
  "Read the group's policies",
  "IAM administrator: ask who requested the membership; remove it if nobody did",
]
[params]
min_joined = { default = 5, min = 1, help = """\
  earlier additions to the account's groups after which a first addition to a group counts as rare""" }
*/
WITH added AS (
  SELECT
    actor, account_id, event_date, event_time, event_id, failed,
    json_get_str(request_parameters, 'groupName') AS group_name,
    json_get_str(request_parameters, 'userName') AS user_name
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND event_source = 'iam.amazonaws.com'
    AND api = 'AddUserToGroup'
),
-- Users of new colleagues are created and added to a group on the same day.
created AS (
  SELECT DISTINCT account_id, event_date, name AS user_name
  FROM created_identities
  WHERE api = 'CreateUser' AND event_time >= $from AND event_time < $to
),
daily AS MATERIALIZED (
  SELECT
    a.actor, a.account_id, a.group_name, a.event_date,
    min(a.event_time) AS first_time,
    max(a.event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE a.failed) AS failures,
    array_distinct(array_agg(a.user_name ORDER BY a.event_time)) AS users,
    array_distinct(array_agg(a.user_name ORDER BY a.event_time) FILTER (WHERE NOT a.failed)) AS users_done,
    bool_or(ends_with(a.actor, '/' || a.user_name)) AS is_itself,
    bool_or(n.user_name IS NULL) AS is_old_user,
    evidence(a.event_id, a.event_time, CAST(a.failed AS VARCHAR)) AS evidence
  FROM added AS a
  LEFT JOIN created AS n ON n.account_id = a.account_id AND n.event_date = a.event_date AND n.user_name = a.user_name
  GROUP BY a.actor, a.account_id, a.group_name, a.event_date
),
judged AS (
  SELECT
    d.actor, d.account_id, d.group_name, d.event_date,
    CAST(coalesce(sum(CASE WHEN g.group_name = d.group_name AND g.event_date < d.event_date THEN g.joined END), 0)
      AS BIGINT) AS joined_before,
    CAST(coalesce(sum(CASE WHEN g.event_date < d.event_date THEN g.joined END), 0) AS BIGINT) AS joined_others,
    coalesce(bool_or(g.group_name = d.group_name AND g.granted_time < d.first_time), FALSE) AS is_administrator,
    coalesce(bool_or(g.group_name = d.group_name AND g.created_time < d.first_time), FALSE) AS is_new_group
  FROM daily AS d
  LEFT JOIN daily_group AS g ON g.account_id = d.account_id AND g.event_date < CAST($to AS DATE)
  GROUP BY d.actor, d.account_id, d.group_name, d.event_date
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Laplace's rule of succession: the chance that the next addition is not to this group.
  1.0 - (j.joined_before + 1.0) / (j.joined_others + 2.0) AS score,
  CASE WHEN d.failures = d.calls THEN 'low'
       WHEN j.is_administrator AND d.is_itself THEN 'high'
       WHEN j.is_administrator OR d.is_itself THEN 'medium'
       -- Nobody joined the group before, and the user has worked without it.
       WHEN j.joined_before = 0 AND NOT j.is_new_group AND (d.is_old_user OR j.joined_others >= $min_joined)
         THEN 'medium'
       ELSE 'low' END AS severity,
  d.actor || CASE WHEN d.failures = d.calls THEN ' tried to add ' ELSE ' added ' END
    || CASE WHEN d.is_itself THEN 'itself' ELSE listed(coalesce(d.users_done, d.users), 3) END
    || ' to the group ' || d.group_name
    || CASE WHEN j.is_administrator THEN ', which was granted administration' ELSE '' END
    || also_failed(d.failures, d.calls)
    || CASE WHEN j.joined_others = 0 THEN '; nobody was added to a group before'
            ELSE '; ' || j.joined_before || ' of '
              || counted(j.joined_others, 'earlier addition was', 'earlier additions were') || ' to this group' END
    AS summary,
  d.evidence,
  d.calls AS events,
  d.group_name AS key,
  d.group_name,
  d.users,
  d.is_old_user,
  j.is_administrator,
  d.failures AS failed_calls,
  j.joined_before AS baseline_additions_to_it,
  j.joined_others AS baseline_additions
FROM daily AS d
JOIN judged AS j ON j.actor = d.actor AND j.account_id = d.account_id AND j.group_name = d.group_name
  AND j.event_date = d.event_date
WHERE j.is_administrator
  OR d.is_itself
  OR (j.joined_before = 0 AND NOT j.is_new_group)
