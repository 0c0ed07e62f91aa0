-- What a day of each identity is like, before the end of the window.
WITH daily AS (
  SELECT actor, event_date, CAST(sum(calls) AS BIGINT) AS calls, sum(failures) AS failures
  FROM hourly_activity
  WHERE hour < $to
  GROUP BY actor, event_date
),
habit AS (
  SELECT
    actor,
    array_agg(item ORDER BY item) FILTER (WHERE kind = 'country') AS countries,
    count(*) FILTER (WHERE kind = 'asn') AS networks,
    count(*) FILTER (WHERE kind = 'event_source') AS services,
    count(*) FILTER (WHERE kind = 'api') AS apis,
    count(*) FILTER (WHERE kind = 'region') AS regions
  FROM novelties
  WHERE kind IN ('country', 'asn', 'event_source', 'api', 'region') AND first_time < $to
  GROUP BY actor
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
FROM daily AS d
LEFT JOIN habit AS h ON h.actor = d.actor
GROUP BY d.actor
ORDER BY sum(d.calls) DESC, d.actor
LIMIT 200
