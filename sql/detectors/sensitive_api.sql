/*
title      = "Sensitive change of permissions, keys or sharing"
severity   = "medium"
confidence = "medium"
kind       = "fact"
attack     = [
  "T1098", "T1098.001", "T1098.003", "T1136.003", "T1484.002", "T1530", "T1537", "T1562.007", "T1485", "T1556.006",
]
why        = """\
  Privilege escalation, persistence and theft all need one of a few API calls. Failed attempts count too."""
benign     = ["Onboarding and key rotation by the people responsible", "Infrastructure code"]
respond    = ["Compare the change with a ticket or a commit", "IAM administrator: undo it if nobody requested it"]
[params]
routine_days  = { default = 3, min = 1, help = """\
  earlier days on which the identity or its peers did the same that make it routine""" }
excess        = { default = 2.0, min = 1, help = """\
  calls of the day as a multiple of the previous maximum of any of them; more are not routine""" }
unused_days   = { default = 14, min = 1, help = "days without use after which a KMS key counts as unused" }
combination   = { default = 4, min = 2, help = "different kinds of change within a day that together are not routine" }
*/
WITH asked AS MATERIALIZED (
  SELECT
    actor, account_id, category, outside, api, event_date, event_time, event_id, failed, target, technique, weight,
    through,
    -- IAM takes a request that names no user as one about the caller.
    regexp_replace(coalesce(target, actor), '^arn:.*[:/]', '') AS name,
    coalesce(risk IN ('public', 'organisation'), FALSE) OR request_parameters LIKE '%Federated%' AS lets_all_in,
    api = 'CreateOpenIDConnectProvider'
      AND coalesce(json_get_str(request_parameters, 'url') LIKE 'https://oidc.eks.%', FALSE) AS is_of_cluster
  FROM sensitive_calls
  WHERE event_date >= CAST($from AS DATE) AND event_time >= $from AND event_time < $to
),
-- Users and roles that were created the same day: granting them permissions is part of creating them.
created AS (
  SELECT DISTINCT account_id, event_date, api, name
  FROM created_identities
  WHERE event_time >= $from AND event_time < $to
),
-- Who created a Kubernetes cluster: its identity provider is created with it.
clusters AS (
  SELECT DISTINCT account_id, event_date, actor
  FROM calls
  WHERE event_source = 'eks.amazonaws.com' AND api = 'CreateCluster' AND NOT failed
    AND event_time >= $from AND event_time < $to
),
-- Other calls about keys, for the two signs of a rotation.
key_calls AS (
  SELECT
    account_id, event_date, actor,
    coalesce(json_get_str(request_parameters, 'userName'), regexp_replace(actor, '^arn:.*[:/]', '')) AS name,
    api = 'ListAccessKeys' AS lists,
    api = 'DeleteAccessKey'
      OR (api = 'UpdateAccessKey' AND json_get_str(request_parameters, 'status') = 'Inactive') AS retires
  FROM calls
  WHERE event_source = 'iam.amazonaws.com'
    AND api IN ('ListAccessKeys', 'DeleteAccessKey', 'UpdateAccessKey')
    AND NOT failed
    AND event_time >= $from AND event_time < $to
),
-- A rotation of one key: the identity retired a key of the user the same day.
rotated AS (
  SELECT DISTINCT account_id, event_date, actor, name FROM key_calls WHERE retires
),
-- A rotation of several: it creates keys for most users of the account whose keys are in use, or for more than one by
-- somebody who calls from where and with what they always do; and it lists the old keys of each first.
looked AS (
  SELECT DISTINCT account_id, event_date, actor, name FROM key_calls WHERE lists
),
handed_out AS (
  SELECT
    a.account_id, a.event_date, a.actor,
    count(DISTINCT a.name) AS users,
    count(DISTINCT l.name) AS users_looked_at,
    max(k.users) AS users_with_keys
  FROM asked AS a
  LEFT JOIN looked AS l ON l.account_id = a.account_id AND l.event_date = a.event_date AND l.actor = a.actor
    AND l.name = a.name
  LEFT JOIN (
    SELECT a.account_id, a.event_date, count(DISTINCT u.actor) AS users
    FROM (SELECT DISTINCT account_id, event_date FROM asked WHERE api = 'CreateAccessKey') AS a
    JOIN daily_client AS u ON u.account_id = a.account_id AND u.event_date < a.event_date
    WHERE u.access_key_id IS NOT NULL AND u.event_date < CAST($to AS DATE)
    GROUP BY a.account_id, a.event_date
  ) AS k ON k.account_id = a.account_id AND k.event_date = a.event_date
  WHERE a.api = 'CreateAccessKey'
  GROUP BY a.account_id, a.event_date, a.actor
),
-- Identities that call from where or with what they did not a week ago.
changed AS (
  SELECT DISTINCT actor, event_date FROM unfamiliar($from, $to)
),
-- Days on which an identity gave permissions to roles, and who its peers are.
role_days AS (
  SELECT DISTINCT
    actor, event_date, CASE WHEN actor LIKE '%:user/%' THEN account_id ELSE peer_group(actor) END AS peers
  FROM daily_sensitive
  WHERE api IN ('AttachRolePolicy', 'PutRolePolicy') AND calls > failures AND event_date < CAST($to AS DATE)
),
-- On how many earlier days an identity or its peers gave permissions to roles. Users have no role that tells who does
-- similar work: peers of one who did so before are the others of the account who did.
role_work AS (
  SELECT actor, event_date, days_before
  FROM (
    SELECT a.actor, a.event_date, count(DISTINCT w.event_date) AS days_before, bool_or(o.actor IS NOT NULL) AS did_so
    FROM (SELECT DISTINCT actor, event_date, CASE WHEN actor LIKE '%:user/%' THEN account_id ELSE peer_group(actor) END
            AS peers FROM asked) AS a
    JOIN (SELECT DISTINCT peers, event_date FROM role_days) AS w ON w.peers = a.peers AND w.event_date < a.event_date
    LEFT JOIN (SELECT peers, actor, min(event_date) AS since FROM role_days GROUP BY peers, actor) AS o
      ON o.peers = a.peers AND o.actor = a.actor AND o.since < a.event_date
    GROUP BY a.actor, a.event_date
  )
  WHERE did_so OR actor NOT LIKE '%:user/%'
),
-- The last day before on which a KMS key was used, where the log records such use at all.
key_use AS (
  SELECT a.account_id, a.event_date, a.name, max(CASE WHEN u.key_id = a.name THEN u.event_date END) AS last_used
  FROM (SELECT DISTINCT account_id, event_date, name FROM asked WHERE category = 'key disabled') AS a
  JOIN daily_key_use AS u ON u.account_id = a.account_id AND u.event_date <= a.event_date
    AND u.event_date < CAST($to AS DATE)
    AND u.event_date > a.event_date - CAST($unused_days || ' days' AS INTERVAL)
  GROUP BY a.account_id, a.event_date, a.name
),
-- Roles and instance profiles that were used before, and roles that once got administration.
roles AS (
  SELECT
    a.account_id, a.event_date, a.name,
    bool_or(u.used) AS is_used,
    bool_or(NOT u.used) AS is_powerful
  FROM (
    SELECT DISTINCT account_id, event_date, name
    FROM asked
    WHERE api = 'UpdateAssumeRolePolicy' OR category = 'role given to a machine'
  ) AS a
  JOIN (
    SELECT account_id, event_date, split_part(actor, '/', -1) AS name, TRUE AS used
    FROM daily_activity
    WHERE actor LIKE '%:role/%' AND event_date < CAST($to AS DATE)
    UNION ALL
    SELECT account_id, event_date, split_part(actor, '/', 2) AS name, TRUE AS used
    FROM daily_activity
    WHERE actor LIKE '%:assumed-role/%' AND event_date < CAST($to AS DATE)
    UNION ALL
    SELECT account_id, event_date, split_part(role, '/', -1) AS name, TRUE AS used
    FROM daily_role
    WHERE given > 0 AND event_date < CAST($to AS DATE)
    UNION ALL
    SELECT account_id, event_date, regexp_replace(target, '^arn:.*[:/]', '') AS name, FALSE AS used
    FROM categorised_calls
    WHERE category = 'administrator granted' AND NOT failed AND event_date < CAST($to AS DATE)
  ) AS u ON u.account_id = a.account_id AND u.name = a.name AND u.event_date < a.event_date
  GROUP BY a.account_id, a.event_date, a.name
),
-- Users whose MFA was removed and whose password was set by one identity on one day: it can sign in as them.
taken_over AS (
  SELECT account_id, event_date, actor, name
  FROM asked
  WHERE category = 'protection removed' OR api IN ('UpdateLoginProfile', 'CreateLoginProfile')
  GROUP BY account_id, event_date, actor, name
  HAVING count(DISTINCT category) = 2
),
explained AS (
  SELECT
    a.*,
    CASE
      WHEN a.category = 'credentials created' AND (n.name IS NOT NULL OR r.name IS NOT NULL) THEN 1
      WHEN a.api = 'CreateAccessKey' AND h.users > 1 AND h.users_looked_at = h.users
        AND (u.actor IS NULL OR 2 * h.users > h.users_with_keys) THEN 1
      WHEN a.category = 'administrator granted' AND n.name IS NOT NULL THEN least(a.weight - 1, 2)
      -- Trust among our own accounts, for a role that is in use or new and has no administration.
      WHEN a.api = 'UpdateAssumeRolePolicy' AND a.outside IS NULL AND NOT a.lets_all_in
        AND (o.is_used OR n.name IS NOT NULL) AND NOT coalesce(o.is_powerful, FALSE) THEN 1
      WHEN a.is_of_cluster AND c.actor IS NOT NULL THEN 1
      -- Roles that get everything but IAM, and identity providers for workloads, by those whose work roles are, from
      -- where they always call. A SAML provider is for people.
      WHEN w.days_before >= $routine_days AND u.actor IS NULL AND a.weight = 2
        AND ((a.category = 'administrator granted' AND a.api IN ('AttachRolePolicy', 'PutRolePolicy'))
          OR a.api = 'CreateOpenIDConnectProvider') THEN 1
      -- A role that nothing ran with before.
      WHEN a.category = 'role given to a machine' AND n.name IS NULL AND NOT coalesce(o.is_used, FALSE) THEN 2
      WHEN a.category = 'key disabled' AND k.name IS NOT NULL AND k.last_used IS NULL THEN 1
      ELSE a.weight
    END AS weight_here,
    -- An attacker creates one more key for one user: that peers also create keys explains nothing.
    (a.api = 'CreateAccessKey' AND n.name IS NULL AND r.name IS NULL AND h.users = 1) OR t.name IS NOT NULL
      AS unexplained
  FROM asked AS a
  LEFT JOIN created AS n ON n.account_id = a.account_id AND n.event_date = a.event_date AND n.name = a.name
    -- A new role with full administration is not explained by its creation; a new user's first password is.
    AND (n.api = 'CreateUser' OR a.weight < 3)
  LEFT JOIN clusters AS c ON c.account_id = a.account_id AND c.event_date = a.event_date AND c.actor = a.actor
  LEFT JOIN rotated AS r ON r.account_id = a.account_id AND r.event_date = a.event_date AND r.actor = a.actor
    AND r.name = a.name
  LEFT JOIN handed_out AS h ON h.account_id = a.account_id AND h.event_date = a.event_date AND h.actor = a.actor
  LEFT JOIN changed AS u ON u.actor = a.actor AND u.event_date = a.event_date
  LEFT JOIN role_work AS w ON w.actor = a.actor AND w.event_date = a.event_date
  LEFT JOIN roles AS o ON o.account_id = a.account_id AND o.event_date = a.event_date AND o.name = a.name
  LEFT JOIN taken_over AS t ON t.account_id = a.account_id AND t.event_date = a.event_date AND t.actor = a.actor
    AND t.name = a.name
  LEFT JOIN key_use AS k ON k.account_id = a.account_id AND k.event_date = a.event_date AND k.name = a.name
),
by_api AS MATERIALIZED (
  SELECT
    actor, account_id, category, outside, api, event_date,
    max(technique) AS technique,
    max(weight_here) AS weight,
    bool_or(unexplained) AS unexplained,
    count(*) AS calls
  FROM explained
  GROUP BY actor, account_id, category, outside, api, event_date
),
-- Outside accounts that get access for the first time: those that got access before, from anybody, are partners.
met AS (
  SELECT account, min(event_date) AS since
  FROM (SELECT event_date, unnest(string_to_array(shared_with, ',')) AS account FROM daily_sensitive
        WHERE event_date < CAST($to AS DATE))
  GROUP BY account
),
strangers AS (
  SELECT DISTINCT b.outside, b.event_date
  FROM (SELECT outside, event_date, unnest(string_to_array(outside, ',')) AS account FROM by_api) AS b
  JOIN met AS m ON m.account = b.account AND m.since = b.event_date
),
kinds AS (
  SELECT actor, account_id, event_date, count(DISTINCT category) AS kinds
  FROM by_api
  GROUP BY actor, account_id, event_date
),
-- The least usual API decides.
judged AS (
  SELECT
    b.actor, b.account_id, b.category, b.event_date,
    max(CASE WHEN b.outside IS NOT NULL AND s.outside IS NULL THEN 1 ELSE b.weight END) AS weight,
    max(b.technique) AS technique,
    bool_or(b.unexplained) AS unexplained,
    max(CASE WHEN s.outside IS NOT NULL THEN b.outside END) AS outside,
    max(coalesce(p.days_before, 0)) AS days_before,
    min(p.peer_days_before) AS peer_days_before,
    bool_or(b.calls > $excess * p.most_before) AS is_excess,
    max(k.kinds) AS kinds
  FROM by_api AS b
  LEFT JOIN sensitive_days AS p ON p.actor = b.actor AND p.account_id = b.account_id AND p.category = b.category
    AND p.api = b.api AND p.event_date = b.event_date
  LEFT JOIN kinds AS k ON k.actor = b.actor AND k.account_id = b.account_id AND k.event_date = b.event_date
  LEFT JOIN strangers AS s ON s.outside = b.outside AND s.event_date = b.event_date
  GROUP BY b.actor, b.account_id, b.category, b.event_date
),
level AS (
  SELECT
    *,
    CASE
      -- Routine does not explain an unknown outside account.
      WHEN outside IS NOT NULL THEN weight
      WHEN peer_days_before >= $routine_days AND NOT is_excess AND NOT unexplained AND kinds < $combination
        THEN least(weight - 1, 1)
      WHEN days_before >= $routine_days THEN weight - 1
      ELSE weight
    END AS level
  FROM judged
),
daily AS (
  SELECT
    actor, account_id, category, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    array_distinct(array_agg(coalesce(target, 'itself') ORDER BY event_time, event_id)) AS targets,
    array_distinct(array_agg(api_in_words(api, FALSE)
      || coalesce(CASE api WHEN 'CreateUser' THEN ' `' ELSE ' for `' END || target || '`', '')
      ORDER BY event_time, event_id) FILTER (WHERE NOT failed)) AS done,
    array_distinct(array_agg(api_in_words(api, TRUE)
      || coalesce(CASE api WHEN 'CreateUser' THEN ' `' ELSE ' for `' END || target || '`', '')
      ORDER BY event_time, event_id)) AS tried,
    max(through) AS through,
    evidence(event_id, event_time, CAST(failed AS VARCHAR)) AS evidence
  FROM asked
  GROUP BY actor, account_id, category, event_date
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 / (1.0 + l.days_before) AS score,
  CASE WHEN l.level >= 3 THEN 'high' WHEN l.level = 2 THEN 'medium' WHEN l.level = 1 THEN 'low'
       ELSE 'informational' END AS severity,
  make_array(l.technique) AS attack,
  d.actor || ' ' || listed(coalesce(d.done, d.tried), 4) || coalesce(' through ' || d.through, '')
    || CASE WHEN d.failures = d.calls THEN '; all attempts failed (' || d.category || ')' ELSE ': ' || d.category END
    || coalesce('; for outside account ' || l.outside || ' for the first time', '')
    || also_failed(d.failures, d.calls)
    || '; earlier days: ' || l.days_before || ' (peers: ' || coalesce(l.peer_days_before, 0) || ')'
    AS summary,
  d.evidence,
  d.calls AS events,
  d.category AS key,
  d.category,
  d.apis,
  d.targets,
  d.through,
  l.outside AS outside_accounts,
  d.failures AS failed_calls,
  l.days_before AS baseline_days_it_did_so,
  coalesce(l.peer_days_before, 0) AS baseline_days_peers_did_so
FROM daily AS d
JOIN level AS l ON l.actor = d.actor AND l.account_id = d.account_id AND l.category = d.category
  AND l.event_date = d.event_date
