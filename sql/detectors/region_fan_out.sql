/*
title      = "One identity is active in many regions within a day"
severity   = "low"
confidence = "medium"
attack     = ["T1535", "T1580", "T1496"]
why        = "Attackers search region after region for quota and forgotten resources; owners work in a few regions."
benign     = ["A new inventory or posture scan", "A roll-out to all regions"]
respond    = [
  "See what was called in the regions that nobody uses",
  "IAM administrator: deny unused regions by a service control policy",
]
chart      = { series = "regions per day", observed = "regions", usual = ["most_regions_in_a_day"] }
[params]
min_regions  = { default = 4, min = 2, help = "regions within one day" }
factor       = { default = 1.5, min = 1.0, help = "regions as a multiple of the identity's previous maximum in a day" }
min_nats     = { default = 5.0, min = 0.0, help = """\
  rarity of a day with as many regions among the earlier days of all identities, in nats: 5 nats are one in 150""" }
warm_up_days = { default = 7, min = 1, help = "days of history the organisation needs to be evaluated" }
*/
WITH candidates AS MATERIALIZED (
  SELECT DISTINCT account_id, actor
  FROM (
    SELECT account_id, actor, event_date
    FROM daily_api_use
    WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
    GROUP BY account_id, actor, event_date
    HAVING count(DISTINCT aws_region) >= $min_regions
  )
),
-- Since when a region is used, by anybody in any account.
met AS MATERIALIZED (
  SELECT aws_region, min(event_date) AS since, min(min(event_date)) OVER () AS recorded_since
  FROM hourly_region
  WHERE aws_region IS NOT NULL AND event_date < CAST($to AS DATE)
  GROUP BY aws_region
),
of_regions AS (
  SELECT
    u.account_id, u.actor, u.event_date, u.aws_region,
    min(u.first_time) AS first_time,
    max(u.last_time) AS last_time,
    sum(u.calls) AS calls,
    sum(u.failures) AS failures
  FROM candidates AS c
  JOIN daily_api_use AS u ON u.account_id = c.account_id AND u.actor = c.actor
  WHERE u.event_date < CAST($to AS DATE)
  GROUP BY u.account_id, u.actor, u.event_date, u.aws_region
),
days AS (
  SELECT
    r.account_id, r.actor, r.event_date,
    min(r.first_time) AS first_time,
    max(r.last_time) AS last_time,
    CAST(sum(r.calls) AS BIGINT) AS calls,
    CAST(sum(r.failures) AS BIGINT) AS failures,
    count(*) AS regions,
    count(*) FILTER (WHERE m.since = r.event_date) AS unused_regions,
    min(m.recorded_since) AS recorded_since
  FROM of_regions AS r
  JOIN met AS m ON m.aws_region = r.aws_region
  GROUP BY r.account_id, r.actor, r.event_date
),
judged AS (
  SELECT
    *,
    coalesce(max(regions) OVER before, 0) AS most_before,
    count(*) OVER before AS days_before
  FROM days
  WINDOW before AS (
    PARTITION BY account_id, actor ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
wide AS MATERIALIZED (
  SELECT * FROM judged
  WHERE event_date >= CAST($from AS DATE)
    AND event_date >= recorded_since + CAST($warm_up_days AS INT)
    AND regions >= $min_regions
    AND regions > $factor * most_before
),
-- How many identities were active in how many regions, by day, before the last day that is evaluated.
widths AS (
  SELECT event_date, regions, count(*) AS identity_days
  FROM (
    SELECT account_id, actor, event_date, count(DISTINCT aws_region) AS regions
    FROM daily_api_use
    WHERE aws_region IS NOT NULL AND event_date < (SELECT max(event_date) FROM wide)
      AND event_date < CAST($to AS DATE)
    GROUP BY account_id, actor, event_date
  )
  GROUP BY event_date, regions
),
earlier AS (
  SELECT
    w.account_id, w.actor, w.event_date,
    CAST(coalesce(sum(CASE WHEN h.regions >= w.regions THEN h.identity_days ELSE 0 END), 0) AS BIGINT)
      AS as_wide_before,
    CAST(coalesce(sum(h.identity_days), 0) AS BIGINT) AS identity_days_before
  FROM wide AS w
  LEFT JOIN widths AS h ON h.event_date < w.event_date
  GROUP BY w.account_id, w.actor, w.event_date
),
scored AS (
  SELECT
    w.*, e.as_wide_before, e.identity_days_before,
    -- Laplace's rule of succession.
    -ln((e.as_wide_before + 1.0) / (e.identity_days_before + 2.0)) AS nats
  FROM wide AS w
  JOIN earlier AS e ON e.account_id = w.account_id AND e.actor = w.actor AND e.event_date = w.event_date
)
SELECT
  s.first_time,
  s.last_time,
  'actor' AS entity_type,
  s.actor AS entity,
  s.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 15 nats; a region that nobody used before counts for one.
  saturating_score(s.nats + s.unused_regions, 15.0) AS score,
  s.actor || CASE WHEN s.failures = s.calls THEN ' tried calls in ' ELSE ' was active in ' END
    || counted(s.regions, 'region', 'regions') || ' in a day'
    || CASE WHEN s.unused_regions > 0 THEN ', of which nobody ever used ' || s.unused_regions ELSE '' END
    || also_failed(s.failures, s.calls)
    || '; previous maximum: ' || s.most_before || ' (' || counted(s.days_before, 'day', 'days')
    || '); as many on ' || s.as_wide_before || ' of ' || counted(s.identity_days_before, 'day', 'days')
    || ' of all identities' AS summary,
  evidence(c.event_id, c.event_time, c.aws_region) AS evidence,
  count(*) AS events,
  s.regions,
  s.unused_regions,
  s.failures,
  s.nats AS rarity_nats,
  s.most_before AS baseline_most_regions_in_a_day,
  s.days_before AS baseline_days,
  s.as_wide_before AS baseline_identity_days_as_wide,
  s.identity_days_before AS baseline_identity_days
FROM scored AS s
JOIN calls AS c ON c.actor = s.actor AND c.account_id = s.account_id AND c.event_date = s.event_date
WHERE NOT c.by_service
  AND c.event_time >= $from AND c.event_time < $to
  AND s.nats >= $min_nats
GROUP BY s.first_time, s.last_time, s.actor, s.account_id, s.regions, s.unused_regions, s.most_before, s.days_before,
  s.as_wide_before, s.identity_days_before, s.failures, s.calls, s.nats
