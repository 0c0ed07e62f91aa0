-- Who is behind each temporary credential: the first identity in the chain of calls that issued it, and the roles
-- between. One row per credential, on the day of its first use; only calls up to that day count, so a day's rows do not
-- depend on the days after it. What cannot be determined is 'unknown', with the reason.
--
-- The days from $from up to $to are computed, from the summaries and from what is known of the days before. Every day
-- has as many new credentials as any other, so few days are computed at once: memory stays the same for a long history.
-- days at once: 7
WITH RECURSIVE known AS (
  -- The columns that are read of the stored days; the engine puts their rows here.
  SELECT DATE '1970-01-01' AS event_date, '' AS credential, '' AS session_arn,
    to_timestamp_micros(0, 'UTC') AS issued_time, '' AS origin, '' AS path, '' AS links, '' AS unknown_because
  WHERE FALSE
),
-- Credentials first used on these days, numbered.
fresh AS MATERIALIZED (
  SELECT row_number() OVER () AS n, u.*
  FROM (
    SELECT
      credential, session_arn, issued_time, event_date,
      min(first_time) AS first_time,
      min(actor) AS actor, min(user_identity_type) AS user_identity_type, min(issuer_arn) AS issuer_arn,
      min(session_name) AS session_name, min(caller_account) AS caller_account, min(aws_region) AS aws_region,
      min(source_identity) AS source_identity, min(on_behalf_of) AS on_behalf_of, min(issued_to) AS issued_to,
      min(environment) AS environment, bool_or(is_assumed_root) AS is_assumed_root, bool_or(of_instance) AS of_instance
    FROM (
      SELECT *, rank() OVER (PARTITION BY credential, session_arn, issued_time ORDER BY event_date) AS day
      FROM daily_credential
      WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
    )
    WHERE day = 1
    GROUP BY credential, session_arn, issued_time, event_date
  ) AS u
  LEFT ANTI JOIN known AS k
    ON k.credential = u.credential AND k.session_arn = u.session_arn AND k.issued_time = u.issued_time
),
-- Calls that issued credentials, numbered. No credential lives longer than 36 hours: those of GetSessionToken and
-- GetFederationToken.
issued AS MATERIALIZED (
  SELECT row_number() OVER () AS call, *
  FROM daily_issued
  WHERE event_date >= CAST($from AS DATE) - INTERVAL '2' DAY AND event_date < CAST($to AS DATE)
),
-- Copies of logs may have one key for all sessions: how many calls issued a key on a day, and how many sessions began
-- with it.
issued_keys AS (
  SELECT access_key, event_date, count(DISTINCT event_time) AS calls FROM issued GROUP BY access_key, event_date
),
fresh_keys AS (
  SELECT credential, event_date, count(*) AS sessions FROM fresh GROUP BY credential, event_date
),
-- A service renews the credentials of a workload under the same session name.
renewed AS (
  SELECT
    session_arn, event_date,
    first_value(call ORDER BY event_time, event_id) AS call,
    min(event_time) AS first_time
  FROM issued
  WHERE caller_type = 'AWSService' AND requester IS DISTINCT FROM 'rolesanywhere.amazonaws.com'
  GROUP BY session_arn, event_date, caller, subject
),
-- The calls that may have issued a credential, by number. The strength of the evidence: 1 access key; 2 session and
-- time; 3 permission set and time; 4 session name. Two seconds: times have whole seconds, and the time of issue and the
-- time of the call are taken by different machines.
candidates AS (
  SELECT f.n, i.call, 1 AS strength, abs(to_unixtime(i.event_time) - to_unixtime(f.issued_time)) AS seconds
  FROM fresh AS f
  JOIN issued AS i ON i.access_key = f.credential AND i.event_date <= f.event_date
  JOIN issued_keys AS k ON k.access_key = i.access_key AND k.event_date = i.event_date
  JOIN fresh_keys AS u ON u.credential = f.credential AND u.event_date = f.event_date
  -- A key that is not unique has to agree with the session and, within an hour, with its time of issue.
  WHERE (k.calls = 1 AND u.sessions = 1)
    OR (i.session_arn = f.session_arn AND (to_unixtime(f.issued_time) = 0
      OR abs(to_unixtime(i.event_time) - to_unixtime(f.issued_time)) <= 3600))
  UNION ALL
  -- The console, Identity Center and some services use another key than the one in the response.
  SELECT f.n, i.call, 2 AS strength, abs(to_unixtime(i.event_time) - to_unixtime(f.issued_time)) AS seconds
  FROM fresh AS f
  JOIN issued AS i ON i.session_arn = f.session_arn AND i.event_date <= f.event_date
    AND i.event_date >= f.event_date - INTERVAL '2' DAY
  WHERE abs(to_unixtime(i.event_time) - to_unixtime(f.issued_time)) <= 2
  UNION ALL
  SELECT f.n, i.call, 3 AS strength, 0 AS seconds
  FROM fresh AS f
  JOIN issued AS i ON i.permission_set = regexp_match(f.session_arn, '/AWSReservedSSO_(.+)_[0-9a-f]{16}/')[1]
    AND i.into_account = f.caller_account AND i.event_date <= f.event_date
    AND i.event_date >= f.event_date - INTERVAL '2' DAY
  WHERE abs(to_unixtime(i.event_time) - to_unixtime(f.issued_time)) <= 2
    AND (f.on_behalf_of IS NULL OR i.caller_type <> 'IdentityCenterUser' OR i.caller = f.on_behalf_of)
  UNION ALL
  SELECT f.n, r.call, 4 AS strength, 0 AS seconds
  FROM fresh AS f
  JOIN renewed AS r ON r.session_arn = f.session_arn AND r.event_date <= f.event_date
    AND r.event_date >= f.event_date - INTERVAL '2' DAY
  WHERE r.first_time <= f.first_time + INTERVAL '2' SECOND
),
ranked AS MATERIALIZED (
  SELECT
    c.n, c.call, c.strength,
    -- A record that names only the caller's account comes after those of the same call that name the caller, and what a
    -- service does for somebody after what asked for it; then the nearest in time.
    CASE WHEN i.caller_type = 'AWSAccount' AND c.strength <= 2 THEN 2500000 + c.strength ELSE c.strength * 1000000 END
      + CASE WHEN i.api = 'SwitchRole' OR (i.api = 'AssumeRole' AND i.requester = 'rolesanywhere.amazonaws.com')
             THEN 100000 ELSE 0 END
      + least(c.seconds, 90000) AS place,
    -- Identity Center and the console see the person's own address; STS sees theirs.
    CASE WHEN i.api IN ('GetRoleCredentials', 'SwitchRole') THEN i.source_ip_address END AS address
  FROM candidates AS c
  JOIN issued AS i ON i.call = c.call
),
best AS (
  SELECT
    n, min(place) AS place,
    CASE WHEN min(address) = max(address) THEN min(address) END AS person_address
  FROM ranked
  GROUP BY n
),
-- Several of the best are no doubt if they agree on who called.
picked AS MATERIALIZED (
  SELECT
    b.n AS of_fresh,
    min(r.strength) AS strength,
    count(DISTINCT concat_ws(' ', i.caller, i.caller_credential, i.subject)) AS callers,
    CASE min(r.strength) WHEN 1 THEN 'access key' WHEN 2 THEN 'session name, time' WHEN 3 THEN 'time'
         ELSE 'session name' END
      || coalesce(', ' || max(i.shared_by), '') AS evidence,
    first_value(i.caller ORDER BY i.event_time, i.event_id) AS caller,
    first_value(i.caller_type ORDER BY i.event_time, i.event_id) AS caller_type,
    first_value(i.caller_account ORDER BY i.event_time, i.event_id) AS from_account,
    first_value(i.caller_credential ORDER BY i.event_time, i.event_id) AS caller_credential,
    first_value(i.caller_session ORDER BY i.event_time, i.event_id) AS caller_session,
    first_value(i.caller_issued_time ORDER BY i.event_time, i.event_id) AS caller_issued_time,
    first_value(i.subject ORDER BY i.event_time, i.event_id) AS subject,
    first_value(i.requester ORDER BY i.event_time, i.event_id) AS requester,
    min(i.event_time) AS call_time,
    coalesce(min(b.person_address), first_value(i.source_ip_address ORDER BY i.event_time, i.event_id)) AS issued_from
  FROM best AS b
  JOIN ranked AS r ON r.n = b.n AND r.place = b.place
  JOIN issued AS i ON i.call = r.call
  GROUP BY b.n
),
-- Since when the lake has events of an account.
began AS (
  SELECT account_id, min(first_time) AS began
  FROM daily_account
  WHERE event_date < CAST($to AS DATE)
  GROUP BY account_id
),
-- Each credential with the credential that issued it, or else with its origin.
linked AS MATERIALIZED (
  SELECT
    credential, session_arn, issued_time, event_date, actor, step, call_time, issued_by, issued_from,
    parent, parent_session, parent_issued_time,
    CASE WHEN parent IS NULL THEN coalesce(origin, source_identity, 'unknown') END AS origin,
    CASE
      WHEN origin IS NULL AND parent IS NULL AND source_identity IS NOT NULL THEN 'source identity'
      ELSE coalesce(link, 'not known')
    END AS link,
    CASE WHEN parent IS NULL AND origin IS NULL AND source_identity IS NULL THEN unknown_because END AS unknown_because
  FROM (
    SELECT
      *,
      coalesce(requester, caller) AS issued_by,
      CASE WHEN rule = 'call' AND callers = 1 THEN caller_credential END AS parent,
      caller_session AS parent_session,
      caller_issued_time AS parent_issued_time,
      -- The role, or the root user of a member account, that the credential is for; a user's session adds nothing.
      CASE WHEN user_identity_type = 'AssumedRole' THEN coalesce(issuer_arn, actor)
           WHEN user_identity_type = 'FederatedUser' OR is_assumed_root OR caller <> actor THEN session_arn
      END AS step,
      CASE rule
        WHEN 'workload' THEN issued_to
        WHEN 'call' THEN
          CASE WHEN callers = 1 AND (caller_type <> 'AWSAccount' OR caller LIKE 'arn:%')
               THEN coalesce(CASE WHEN subject = 'rolesanywhere.amazonaws.com' THEN source_identity END, subject,
                 caller)
          END
        WHEN 'self' THEN actor
        WHEN 'federation' THEN issuer_arn
        WHEN 'instance' THEN workload_arn('ec2.amazonaws.com', session_name, aws_region, issuer_arn)
        WHEN 'linked service' THEN split_part(split_part(issuer_arn, '/aws-service-role/', 2), '/', 1)
        WHEN 'person' THEN session_name
        WHEN 'on behalf of' THEN on_behalf_of
        WHEN 'environment' THEN workload_arn(environment, session_name, aws_region, issuer_arn)
      END AS origin,
      CASE rule
        WHEN 'call' THEN evidence || CASE WHEN subject = 'rolesanywhere.amazonaws.com' AND source_identity IS NOT NULL
                                          THEN ', source identity' ELSE '' END
        WHEN 'instance' THEN 'session name'
        WHEN 'person' THEN 'session name' || CASE WHEN callers = 1 THEN ', time' ELSE '' END
          || CASE WHEN on_behalf_of IS NULL THEN '' ELSE ', on behalf of' END
        WHEN 'on behalf of' THEN 'on behalf of'
        WHEN 'environment' THEN 'session name, user agent'
        WHEN 'unknown' THEN NULL
        ELSE 'identity record'
      END AS link,
      CASE
        WHEN callers > 1 THEN 'several identities may have requested it'
        WHEN caller_type = 'AWSAccount' THEN 'assumed from account ' || coalesce(from_account, 'unknown')
          || '; the lake lacks that account''s record of the call'
        WHEN began IS NULL THEN 'the lake has no log of account ' || coalesce(caller_account, 'unknown')
          || ', which issued it'
        WHEN to_unixtime(issued_time) > 0 AND issued_time < began
          THEN 'issued before the log of account ' || caller_account || ' begins'
        ELSE 'the lake has no call up to that day that issued it'
      END AS unknown_because
    FROM (
      SELECT
        f.*, b.began, p.* EXCEPT (of_fresh),
        CASE
          WHEN f.issued_to IS NOT NULL THEN 'workload'
          -- The session is named after the person; Identity Center's call adds when and from where.
          WHEN p.strength = 3 THEN 'person'
          WHEN p.of_fresh IS NOT NULL THEN 'call'
          WHEN f.user_identity_type IN ('IAMUser', 'Root') AND NOT f.is_assumed_root THEN 'self'
          WHEN f.user_identity_type = 'FederatedUser' AND f.issuer_arn IS NOT NULL THEN 'federation'
          WHEN f.of_instance AND starts_with(f.session_name, 'i-') THEN 'instance'
          WHEN strpos(f.issuer_arn, ':role/aws-service-role/') > 0 THEN 'linked service'
          WHEN strpos(f.session_arn, ':assumed-role/AWSReservedSSO_') > 0 THEN 'person'
          WHEN f.on_behalf_of IS NOT NULL THEN 'on behalf of'
          WHEN f.environment IS NOT NULL THEN 'environment'
          ELSE 'unknown'
        END AS rule
      FROM fresh AS f
      LEFT JOIN picked AS p ON p.of_fresh = f.n
      LEFT JOIN began AS b ON b.account_id = f.caller_account AND b.began < f.event_date + INTERVAL '1' DAY
    )
  )
),
roots AS MATERIALIZED (
  SELECT
    credential, session_arn, issued_time, event_date, origin, concat_ws(chr(10), origin, step) AS path, link AS links,
    unknown_because
  FROM linked
  WHERE parent IS NULL
  UNION ALL
  SELECT
    l.credential, l.session_arn, l.issued_time, l.event_date, k.origin,
    concat_ws(chr(10), k.path, l.step), concat_ws(chr(10), k.links, l.link), k.unknown_because
  FROM linked AS l
  JOIN known AS k
    ON k.credential = l.parent AND k.session_arn = l.parent_session AND k.issued_time = l.parent_issued_time
),
-- From each origin to the credentials it led to. Every credential has at most one issuer, so this ends.
chain AS (
  SELECT credential, session_arn, issued_time, event_date, origin, path, links, unknown_because
  FROM roots
  UNION ALL
  SELECT
    l.credential, l.session_arn, l.issued_time, l.event_date, c.origin,
    concat_ws(chr(10), c.path, l.step) AS path, concat_ws(chr(10), c.links, l.link) AS links, c.unknown_because
  FROM chain AS c
  JOIN linked AS l
    ON l.parent = c.credential AND l.parent_session = c.session_arn AND l.parent_issued_time = c.issued_time
  WHERE c.event_date <= l.event_date
)
SELECT
  l.event_date, l.credential, l.session_arn, l.issued_time, l.actor,
  coalesce(c.origin, 'unknown') AS origin,
  coalesce(c.path, concat_ws(chr(10), 'unknown', l.step)) AS path,
  coalesce(c.links, l.link) AS links,
  -- The issuers of a circle are reached from no origin; neither is one whose own first call is logged later.
  CASE WHEN c.credential IS NULL
       THEN 'no origin up to that day: its issuers issued each other, or the first call of one is logged later'
       ELSE c.unknown_because END AS unknown_because,
  l.issued_by, l.call_time AS issuing_time, l.issued_from
FROM linked AS l
LEFT JOIN chain AS c
  ON c.credential = l.credential AND c.session_arn = l.session_arn AND c.issued_time = l.issued_time
