/*
title      = "Changes in a service that nobody changed anything in before"
severity   = "low"
confidence = "medium"
attack     = ["T1578", "T1496"]
why        = "Attackers use services that the organisation does not, because nobody watches or limits them there."
benign     = ["A team that begins to use the service", "A trial"]
respond    = [
  "Ask the identity's owner what the service is for",
  "IAM administrator: deny services that nobody uses by policy",
]
[params]
warm_up_days = { default = 14, min = 1, max = 90, help = "days of history the organisation needs to be evaluated" }
min_surprise = { default = 2.0, min = 0.0, help = """\
  minimum surprise of a day with a new service, in nats, given how often there was one before""" }
min_apis     = { default = 3, min = 1, help = """\
  different changing APIs of the service within the day that are more than a try and make the finding medium""" }
*/
-- The first day of each service on which anybody changed something in it. Sign-ins and shells change nothing.
WITH services AS (
  SELECT event_source, min(event_date) AS since
  FROM daily_api_use
  WHERE changes > 0 AND event_date < CAST($to AS DATE)
    AND event_source NOT IN ('cloudshell.amazonaws.com', 'signin.amazonaws.com', 'sts.amazonaws.com')
  GROUP BY event_source
),
days AS (
  SELECT DISTINCT event_date FROM daily_account WHERE event_date < CAST($to AS DATE)
),
-- Days before, and how many of them brought a new service, after the first week.
rated AS (
  SELECT
    d.event_date,
    count(*) OVER before AS days_before,
    coalesce(sum(CASE WHEN s.since IS NOT NULL AND d.event_date >= d.lake_since + INTERVAL '7 days' THEN 1 ELSE 0 END)
      OVER before, 0) AS new_days
  FROM (SELECT event_date, min(event_date) OVER () AS lake_since FROM days) AS d
  LEFT JOIN (SELECT DISTINCT since FROM services) AS s ON s.since = d.event_date
  WINDOW before AS (ORDER BY d.event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
opened AS MATERIALIZED (
  SELECT
    s.event_source, s.since AS event_date, r.days_before, r.new_days,
    -- Laplace's rule of succession.
    -ln((r.new_days + 1.0) / (r.days_before + 2.0)) AS nats
  FROM services AS s
  JOIN rated AS r ON r.event_date = s.since
  WHERE s.since >= CAST($from AS DATE) AND r.days_before >= $warm_up_days
),
changed AS (
  SELECT
    c.actor, c.event_date, c.account_id, o.event_source, o.nats, o.days_before, o.new_days,
    min(c.event_time) AS first_time,
    max(c.event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE c.failed) AS failures,
    array_distinct(array_agg(c.api ORDER BY c.event_time, c.event_id)) AS apis,
    array_distinct(array_agg(c.api) FILTER (WHERE NOT c.failed)) AS apis_done,
    array_distinct(array_agg(api_in_words(c.api, FALSE) ORDER BY c.event_time, c.event_id)
      FILTER (WHERE NOT c.failed)) AS done,
    array_distinct(array_agg(api_in_words(c.api, TRUE) ORDER BY c.event_time, c.event_id)) AS tried,
    evidence(c.event_id, c.event_time, CAST(c.failed AS VARCHAR)) AS evidence
  FROM opened AS o
  JOIN calls AS c ON c.event_source = o.event_source AND c.event_date = o.event_date
  WHERE NOT c.by_service AND c.is_change
    AND c.event_time >= $from AND c.event_time < $to
    AND o.nats >= $min_surprise
  GROUP BY c.actor, c.event_date, c.account_id, o.event_source, o.nats, o.days_before, o.new_days
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 4 nats, twice the least that is reported.
  saturating_score(nats, 4.0) AS score,
  CASE WHEN coalesce(cardinality(apis_done), 0) >= $min_apis THEN 'medium' ELSE 'low' END AS severity,
  actor || ' ' || listed(coalesce(done, tried), 4) || ' in ' || event_source || also_failed(failures, calls)
    || '; nobody changed anything there in the ' || counted(days_before, 'day', 'days') || ' before' AS summary,
  evidence,
  calls AS events,
  event_source AS key,
  event_source AS service,
  apis,
  failures AS failed_calls,
  nats AS surprise_nats,
  days_before AS baseline_days,
  new_days AS baseline_days_with_a_new_service
FROM changed
