/*
title      = "New identity from a network, country or client that nobody used before"
severity   = "medium"
confidence = "medium"
attack     = ["T1136.003", "T1078.004"]
why        = """\
  A new identity has no history of its own. What is new to the whole organisation as well is a stranger, or a new \
  supplier."""
benign     = ["A new supplier or service that calls from its own network", "A new colleague in another country"]
respond    = ["Find out who created the identity and for whom", "IAM administrator: disable it until that is clear"]
[params]
warm_up_days = { default = 7, min = 1, max = 90, help = """\
  days of history the organisation needs, and days after which an identity has a history of its own""" }
min_surprise = { default = 2.0, min = 0.0, help = """\
  minimum surprise, in nats, of a new network alone to be medium: 2 nats are one such day in a week""" }
*/
-- What identities without a history show that nobody of the organisation had before.
WITH strange AS (
  SELECT actor, event_date, kind, item, first_time
  FROM novelties
  WHERE kind IN ('asn', 'country', 'user_agent')
    AND NOT is_known AND history_days < $warm_up_days
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
),
-- Days on which anybody came from a network that nobody used before: in some organisations, most homes have their own.
networks AS MATERIALIZED (
  SELECT DISTINCT event_date
  FROM novelties
  WHERE kind = 'asn' AND NOT is_known AND first_time < $to
),
since AS (
  SELECT account_id, since, min(since) OVER () AS lake_since FROM own_account
),
-- Calls of our own identities from there. An outsider who only fails is not an identity of ours.
there AS MATERIALIZED (
  SELECT
    s.actor, s.event_date, c.account_id, s.kind,
    CASE s.kind WHEN 'asn' THEN ip_organisation(c.source_ip_address) ELSE s.item END AS item,
    c.event_id, c.event_time, c.failed, c.client, o.lake_since,
    -- An agent's host name is no place.
    CASE WHEN c.agent IS NULL THEN c.source_ip_address END AS source_ip_address,
    in_api_list('sensitive', c.event_source, c.event_name) OR in_api_list('reads_secrets', c.event_source, c.event_name)
      OR c.error_family = 'denied' AS matters
  FROM strange AS s
  JOIN calls AS c ON c.actor = s.actor AND c.event_date = s.event_date
  JOIN since AS o ON o.account_id = c.user_identity_account_id AND o.since <= c.event_date
  WHERE NOT c.by_service
    AND c.event_time >= $from AND c.event_time < $to
    -- Anybody can request a new password for root.
    AND c.api <> 'PasswordRecoveryRequested'
    AND CASE s.kind
      WHEN 'asn' THEN CAST(ip_asn(c.source_ip_address) AS VARCHAR) = s.item
      WHEN 'country' THEN ip_country(c.source_ip_address) = s.item
      ELSE c.client = s.item
    END
),
daily AS (
  SELECT
    actor, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    min(account_id) AS account_id,
    min(lake_since) AS lake_since,
    count(DISTINCT event_id) AS calls,
    count(DISTINCT CASE WHEN failed THEN event_id END) AS failures,
    bool_or(matters) AS matters,
    max(CASE WHEN kind = 'asn' THEN item END) AS network,
    max(CASE WHEN kind = 'country' THEN item END) AS country,
    max(CASE WHEN kind = 'user_agent' THEN item END) AS client,
    count(DISTINCT kind) AS kinds,
    first_value(source_ip_address ORDER BY event_time, event_id) AS source_ip_address,
    evidence(event_id, event_time) AS evidence
  FROM there
  GROUP BY actor, event_date
),
-- How unusual such a day is, after the first week: Laplace's rule of succession.
rated AS (
  SELECT
    d.event_date,
    -ln((count(n.event_date) + 1.0) / (count(*) + 2.0)) AS nats
  FROM (SELECT DISTINCT event_date, lake_since FROM daily) AS d
  JOIN (SELECT DISTINCT event_date FROM daily_account) AS a
    ON a.event_date < d.event_date AND a.event_date >= d.lake_since + INTERVAL '7 days'
  LEFT JOIN networks AS n ON n.event_date = a.event_date
  GROUP BY d.event_date
),
created AS (
  SELECT account_id, event_date, name, max(maker) AS maker
  FROM created_identities
  WHERE event_time >= $from AND event_time < $to
  GROUP BY account_id, event_date, name
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- One third for each of network, country and client.
  d.kinds / 3.0 AS score,
  -- Created, used from elsewhere, and used for what matters, all in one day.
  CASE WHEN c.maker IS NOT NULL AND d.network IS NOT NULL AND d.matters THEN 'high'
       WHEN d.kinds = 1 AND d.network IS NOT NULL AND r.nats < $min_surprise THEN 'low'
       ELSE 'medium' END AS severity,
  d.actor || ' made ' || counted(d.calls - d.failures, 'call', 'calls') || ' from '
    || coalesce(d.source_ip_address, 'an unknown address') || also_failed(d.failures, d.calls)
    || '; the identity is new' || coalesce(', created that day by ' || c.maker, '')
    || '; nobody used before: '
    || array_to_string(make_array('network ' || d.network, 'country ' || d.country, 'client ' || d.client), ', ')
    AS summary,
  d.evidence,
  d.calls AS events,
  d.source_ip_address,
  d.network,
  d.country,
  d.client,
  c.maker,
  d.failures AS failed_calls,
  d.lake_since AS baseline_since
FROM daily AS d
LEFT JOIN rated AS r ON r.event_date = d.event_date
LEFT JOIN created AS c ON c.account_id = d.account_id AND c.event_date = d.event_date
  AND c.name = regexp_replace(d.actor, '^.*[:/]', '')
WHERE d.failures < d.calls
  AND d.event_date >= d.lake_since + CAST($warm_up_days || ' days' AS INTERVAL)
