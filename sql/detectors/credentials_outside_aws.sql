/*
title      = "Credentials of a workload used from outside"
severity   = "high"
confidence = "medium"
kind       = "fact"
attack     = ["T1552.005", "T1078.004"]
why        = """\
  The credentials of an instance, a container or a function are used only where it runs, unless somebody stole them."""
benign     = [
  "Instances whose traffic leaves through the company's own network",
  "A developer who tests with a workload's session",
  "Pods on EKS hybrid nodes, which run outside AWS",
]
respond    = [
  "IAM administrator: revoke the role's sessions",
  "Look for the entry point, such as an open proxy or server-side request forgery (SSRF)",
  "owner of the workload: require IMDSv2 on instances",
]
[params]
max_share_before = { default = 0.05, min = 0.0, max = 1.0, help = """\
  share of the role's earlier calls that came from outside AWS; a role above it is not reported""" }
min_calls_before = { default = 20, min = 1, help = """\
  earlier calls the role needs for a high finding; with fewer, credentials that a service gave to a workload are \
  medium, others are not judged""" }
min_days_before  = { default = 5, min = 1, help = """\
  earlier active days that a role needs if its credentials were not given to a workload""" }
colleagues       = { default = 3, min = 1, help = """\
  an address or a network that this many other identities used before is the company's own""" }
*/
-- Since when anybody calls through the VPC endpoints of an account.
WITH endpoints AS (
  SELECT endpoint_account, min(event_date) AS since
  FROM daily_address
  WHERE endpoint_account IS NOT NULL AND event_date < CAST($to AS DATE)
  GROUP BY endpoint_account
),
-- Where roles call from: through an endpoint of an outside account that nobody used before, or from an address that is
-- not Amazon's. A public address is outside even if its place is unknown; private and reserved ones are nowhere.
addresses AS (
  SELECT
    a.account_id, a.event_date, a.calls, a.of_instance, a.actor, a.source_ip_address, a.endpoint_account,
    -- Sessions of a role are one workload, however they are named: the caller chooses the name.
    CASE WHEN a.actor LIKE '%:assumed-role/%' THEN split_part(a.actor, '/', 2)
         ELSE split_part(a.actor, '/', -1) END AS role,
    coalesce(a.endpoint_account <> a.account_id AND o.account_id IS NULL AND e.since = a.event_date, FALSE)
      AS is_foreign_endpoint,
    NOT a.through_endpoint AND NOT ip_is_amazon(a.source_ip_address)
      AND CASE WHEN ip_country(a.source_ip_address) IS NOT NULL THEN TRUE
               WHEN a.source_ip_address LIKE '%:%' THEN coalesce(ip_in_cidr(a.source_ip_address, '2000::/3'), FALSE)
               ELSE coalesce(ip_in_cidr(a.source_ip_address, '0.0.0.0/0') AND NOT (
                 ip_in_cidr(a.source_ip_address, '0.0.0.0/8') OR ip_in_cidr(a.source_ip_address, '10.0.0.0/8')
                 OR ip_in_cidr(a.source_ip_address, '100.64.0.0/10') OR ip_in_cidr(a.source_ip_address, '127.0.0.0/8')
                 OR ip_in_cidr(a.source_ip_address, '169.254.0.0/16')
                 OR ip_in_cidr(a.source_ip_address, '172.16.0.0/12')
                 OR ip_in_cidr(a.source_ip_address, '192.168.0.0/16')
                 OR ip_in_cidr(a.source_ip_address, '198.18.0.0/15')
                 OR ip_in_cidr(a.source_ip_address, '224.0.0.0/3')), FALSE) END
      AS is_outside_aws
  FROM daily_address AS a
  LEFT JOIN endpoints AS e ON e.endpoint_account = a.endpoint_account
  LEFT JOIN own_account AS o ON o.account_id = a.endpoint_account
  WHERE (a.actor LIKE '%:role/%' OR a.actor LIKE '%:assumed-role/%' OR a.of_instance)
    AND a.event_date < CAST($to AS DATE)
),
candidates AS MATERIALIZED (
  SELECT DISTINCT role, account_id
  FROM addresses
  WHERE (is_outside_aws OR is_foreign_endpoint) AND event_date >= CAST($from AS DATE)
),
active AS (
  SELECT
    role, account_id, event_date, calls_outside, of_instance,
    count(*) OVER before AS days_before,
    coalesce(sum(calls) OVER before, 0) AS calls_before,
    coalesce(sum(calls_outside) OVER before, 0) AS outside_before
  FROM (
    SELECT
      a.role, a.account_id, a.event_date,
      bool_or(a.of_instance AND (a.is_outside_aws OR a.is_foreign_endpoint)) AS of_instance,
      CAST(sum(a.calls) AS BIGINT) AS calls,
      CAST(sum(CASE WHEN a.is_outside_aws OR a.is_foreign_endpoint THEN a.calls ELSE 0 END) AS BIGINT) AS calls_outside
    FROM candidates AS k
    JOIN addresses AS a ON a.role = k.role AND a.account_id = k.account_id
    GROUP BY a.role, a.account_id, a.event_date
  )
  WINDOW before AS (PARTITION BY role, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
days AS MATERIALIZED (
  SELECT *, of_instance OR (calls_before >= $min_calls_before AND days_before >= $min_days_before) AS is_judged
  FROM active
  WHERE event_date >= CAST($from AS DATE)
    AND calls_outside > 0
    AND outside_before <= $max_share_before * calls_before
),
-- One row per place, however many sessions were there.
places AS MATERIALIZED (
  SELECT DISTINCT
    d.role, d.account_id, d.event_date, d.calls_before, d.outside_before, d.is_judged,
    a.actor, a.source_ip_address AS ip, a.endpoint_account, a.is_foreign_endpoint, a.of_instance AS is_of_instance
  FROM days AS d
  JOIN addresses AS a ON a.role = d.role AND a.account_id = d.account_id AND a.event_date = d.event_date
    AND (a.is_outside_aws OR a.is_foreign_endpoint)
),
-- An address of an unknown network is a network of its own.
networks AS (
  SELECT event_date, actor, source_ip_address, coalesce(CAST(asn AS VARCHAR), source_ip_address) AS network
  FROM daily_network
  UNION ALL
  SELECT a.event_date, a.actor, a.source_ip_address, p.ip AS network
  FROM (SELECT DISTINCT ip FROM places) AS p
  JOIN daily_address AS a ON a.source_ip_address = p.ip
  WHERE ip_country(p.ip) IS NULL
),
-- Since when an identity uses an address: only the first day matters.
used AS (
  SELECT network, source_ip_address, actor, min(event_date) AS since
  FROM networks
  WHERE event_date < CAST($to AS DATE)
  GROUP BY network, source_ip_address, actor
),
-- Other identities that used the address by then, or its network on earlier days.
met AS (
  SELECT
    p.ip, p.actor, p.event_date,
    count(DISTINCT CASE WHEN n.source_ip_address = p.ip AND NOT is_machine(n.actor) THEN n.actor END) AS at_address,
    count(DISTINCT n.actor) AS in_network
  FROM (SELECT DISTINCT ip, actor, event_date FROM places) AS p
  JOIN used AS n ON n.network = coalesce(CAST(ip_asn(p.ip) AS VARCHAR), p.ip)
    AND (n.since < p.event_date OR (n.since = p.event_date AND n.source_ip_address = p.ip))
  WHERE n.actor <> p.actor
  GROUP BY p.ip, p.actor, p.event_date
),
-- Credentials that a service or a pod of EKS got for something that runs in AWS, whoever else may assume the role. None
-- lives longer than 36 hours.
workloads AS (
  SELECT credential, session_arn, issued_time
  FROM credential_origins
  WHERE (regexp_like(origin, '^arn:[a-z-]+:(ec2|ecs|lambda|codebuild):')
      -- Any cluster names its service accounts so; AWS vouches for those of EKS.
      OR (origin LIKE 'system:serviceaccount:%' AND regexp_like(issued_by,
        '^(pods\.eks\.|(arn:[a-z-]+:iam::[0-9]+:oidc-provider/)?oidc\.eks\.[a-z0-9-]+\.)amazonaws\.com(\.cn)?(/|$)')))
    AND event_date >= CAST($from AS DATE) - INTERVAL '2' DAY AND event_date < CAST($to AS DATE)
),
placed AS (
  SELECT
    p.*,
    c.event_time, c.event_id, c.failed, c.session_name, c.access_key_id,
    coalesce(greatest(m.at_address, m.in_network), 0) AS colleagues,
    NOT p.is_foreign_endpoint AND coalesce(greatest(m.at_address, m.in_network), 0) >= $colleagues AS is_known,
    c.of_instance OR w.credential IS NOT NULL AS of_workload
  FROM places AS p
  JOIN calls AS c ON c.actor = p.actor AND c.account_id = p.account_id AND c.event_date = p.event_date
    AND c.source_ip_address = p.ip
    -- Written so that it is not a key of the join, which would compute it for every event. Neither side is null.
    AND (c.of_instance IS NOT DISTINCT FROM p.is_of_instance)
  LEFT JOIN workloads AS w
    ON w.credential = c.credential AND w.session_arn = c.user_identity_arn AND w.issued_time = c.issued_time
  LEFT JOIN met AS m ON m.ip = p.ip AND m.actor = p.actor AND m.event_date = p.event_date
  WHERE NOT c.by_service
    AND c.event_time >= $from AND c.event_time < $to
    AND (p.is_judged OR w.credential IS NOT NULL)
    AND c.vpc_endpoint_account_id IS NOT DISTINCT FROM p.endpoint_account
),
-- On a day with calls from known places and from others, only the others count.
outside_calls AS MATERIALIZED (
  SELECT *
  FROM (SELECT *, bool_and(is_known) OVER (PARTITION BY role, account_id, event_date) AS all_known FROM placed)
  WHERE is_known = all_known
),
judged AS MATERIALIZED (
  SELECT
    role, account_id, event_date, calls_before, outside_before,
    bool_or(of_workload) AS of_workload,
    bool_or(is_foreign_endpoint) AS foreign_endpoint,
    bool_and(is_known) AS is_known_place,
    count(*) AS calls_outside,
    count(*) FILTER (WHERE failed) AS failures,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    first_value(actor ORDER BY is_foreign_endpoint DESC, event_time, event_id) AS actor,
    first_value(ip ORDER BY is_foreign_endpoint DESC, event_time, event_id) AS ip,
    first_value(endpoint_account ORDER BY is_foreign_endpoint DESC, event_time, event_id) AS endpoint_account,
    first_value(session_name ORDER BY is_foreign_endpoint DESC, event_time, event_id) AS session,
    first_value(access_key_id ORDER BY is_foreign_endpoint DESC, event_time, event_id) AS access_key_id,
    first_value(colleagues ORDER BY is_foreign_endpoint DESC, event_time, event_id) AS colleagues
  FROM outside_calls
  GROUP BY role, account_id, event_date, calls_before, outside_before
),
-- What the same session did that day from where it belongs.
inside_calls AS (
  SELECT DISTINCT j.role, j.account_id, j.event_date, c.event_id, c.event_time
  FROM judged AS j
  JOIN addresses AS a ON a.role = j.role AND a.account_id = j.account_id AND a.event_date = j.event_date
    AND a.actor = j.actor AND NOT a.is_outside_aws AND NOT a.is_foreign_endpoint
  JOIN calls AS c ON c.actor = a.actor AND c.account_id = a.account_id AND c.event_date = a.event_date
    AND c.source_ip_address = a.source_ip_address
  WHERE NOT c.by_service
    AND c.event_time >= $from AND c.event_time < $to
    AND (c.session_name IS NOT DISTINCT FROM j.session)
    AND (c.vpc_endpoint_account_id IS NOT DISTINCT FROM a.endpoint_account)
),
both_places AS (
  SELECT
    role, account_id, event_date,
    evidence(event_id, event_time, side) AS evidence,
    count(*) FILTER (WHERE side = 'inside') AS calls_inside
  FROM (
    SELECT role, account_id, event_date, event_id, event_time, 'outside' AS side FROM outside_calls
    UNION ALL
    SELECT role, account_id, event_date, event_id, event_time, 'inside' AS side FROM inside_calls
  )
  GROUP BY role, account_id, event_date
),
found AS (
  SELECT j.*, b.evidence, b.calls_inside
  FROM judged AS j
  JOIN both_places AS b ON b.role = j.role AND b.account_id = j.account_id AND b.event_date = j.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 5 calls.
  CASE WHEN calls_before >= $min_calls_before THEN saturating_score(calls_outside, 5.0) ELSE 0.5 END AS score,
  -- The company's own line is a detour of the traffic. Credentials that no workload got may be from elsewhere.
  CASE WHEN is_known_place THEN 'low'
       WHEN calls_before >= $min_calls_before AND (of_workload OR foreign_endpoint) THEN 'high'
       ELSE 'medium' END AS severity,
  actor || coalesce(', session ' || session || ',', '')
    || CASE WHEN failures = calls_outside THEN ' tried ' || counted(calls_outside, 'call', 'calls')
            ELSE ' made ' || counted(calls_outside - failures, 'call', 'calls') END
    || CASE WHEN foreign_endpoint
            THEN ' through a VPC endpoint of account ' || coalesce(endpoint_account, 'unknown')
              || ', which nobody used before'
            ELSE ' from ' || ip || ' in ' || coalesce(ip_country(ip), 'an unknown place')
              || coalesce(' (' || ip_organisation(ip) || ')', '') || ', outside AWS' END
    || also_failed(failures, calls_outside)
    || CASE WHEN calls_inside > 0
            THEN '; ' || counted(calls_inside, 'call', 'calls') || ' from inside that day' ELSE '' END
    || CASE WHEN calls_before = 0 THEN '; no calls before'
            ELSE '; before: ' || outside_before || ' of ' || counted(calls_before, 'call', 'calls')
              || ' from outside' END
    || CASE WHEN is_known_place
            THEN '; a place of ' || colleagues || ' other identities' ELSE '' END AS summary,
  evidence,
  calls_outside + calls_inside AS events,
  role,
  session,
  access_key_id,
  ip AS source_ip_address,
  endpoint_account,
  failures AS failed_calls,
  calls_before AS baseline_calls,
  outside_before AS baseline_calls_outside,
  colleagues AS baseline_identities_from_there
FROM found
