-- Usual daily activity of the 200 busiest identities, from all history up to the end of the window.
-- One row per identity.
WITH daily AS (
  SELECT actor, event_date, CAST(sum(calls) AS BIGINT) AS calls, sum(failures) AS failures
  FROM daily_activity
  WHERE event_date < CAST($to AS DATE)
  GROUP BY actor, event_date
),
busiest AS MATERIALIZED (
  SELECT actor, CAST(sum(calls) AS BIGINT) AS calls FROM daily GROUP BY actor ORDER BY calls DESC, actor LIMIT 200
),
habit AS (
  SELECT
    n.actor,
    array_agg(n.item ORDER BY n.item) FILTER (WHERE n.kind = 'country') AS countries,
    count(*) FILTER (WHERE n.kind = 'asn') AS networks,
    count(*) FILTER (WHERE n.kind = 'event_source') AS services,
    count(*) FILTER (WHERE n.kind = 'api') AS apis,
    count(*) FILTER (WHERE n.kind = 'region') AS regions
  FROM busiest AS b
  JOIN novelties AS n ON n.actor = b.actor
  WHERE n.kind IN ('country', 'asn', 'event_source', 'api', 'region') AND n.first_time < $to
  GROUP BY n.actor
)
SELECT
  d.actor,
  count(*) AS active_days,
  min(d.event_date) AS first_day,
  max(d.event_date) AS last_day,
  median(d.calls) AS median_calls_per_active_day,
  mad(d.calls) AS mad_calls_per_active_day,
  CAST(sum(d.failures) AS DOUBLE) / sum(d.calls) AS failure_rate,
  max(h.countries) AS countries,
  max(h.networks) AS networks,
  max(h.services) AS services,
  max(h.apis) AS apis,
  max(h.regions) AS regions
FROM busiest AS b
JOIN daily AS d ON d.actor = b.actor
LEFT JOIN habit AS h ON h.actor = d.actor
GROUP BY d.actor, b.calls
ORDER BY b.calls DESC, d.actor
