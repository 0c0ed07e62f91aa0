-- What the detectors with a chart count, per hour or day, from 14 days before the window (at most the last 60 days).
-- `$charted` has the name of each wanted series and the identity or account, with a space between. One row per series,
-- identity and account. Hours and days without a row count 0.
WITH bounds AS (
  SELECT greatest(CAST($from AS DATE) - INTERVAL '14 days', CAST($to AS DATE) - INTERVAL '60 days') AS first_day
),
-- `$charted` is searched once per active identity and not once per row.
active AS MATERIALIZED (
  SELECT DISTINCT actor
  FROM daily_activity
  WHERE event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND event_date < CAST($to AS DATE)
),
wanted AS MATERIALIZED (
  SELECT
    actor,
    array_has($charted, 'successful calls per hour ' || actor) AS calls,
    array_has($charted, 'denied APIs per hour ' || actor) AS denied_apis,
    array_has($charted, 'error codes per hour ' || actor) AS error_codes,
    array_has($charted, 'secrets per hour ' || actor) AS secrets,
    array_has($charted, 'failures per day ' || actor) AS failures,
    array_has($charted, 'regions per day ' || actor) AS regions
  FROM active
),
counted AS (
  SELECT 'successful calls per hour' AS series, h.actor AS entity, h.account_id, 3600 AS seconds, h.hour AS time,
    sum(h.calls - h.failures) AS value
  FROM wanted AS w
  JOIN hourly_activity AS h ON h.actor = w.actor
  WHERE w.calls AND h.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.hour
  UNION ALL
  SELECT 'denied APIs per hour' AS series, h.actor AS entity, h.account_id, 3600 AS seconds, h.hour AS time,
    sum(h.denied_apis) AS value
  FROM wanted AS w
  JOIN hourly_activity AS h ON h.actor = w.actor
  WHERE w.denied_apis AND h.denied_apis > 0
    AND h.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.hour
  UNION ALL
  SELECT 'error codes per hour' AS series, h.actor AS entity, h.account_id, 3600 AS seconds, h.hour AS time,
    count(DISTINCT h.error_code) AS value
  FROM wanted AS w
  JOIN hourly_errors AS h ON h.actor = w.actor
  WHERE w.error_codes AND (h.error_family IS DISTINCT FROM 'throttled')
    AND h.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.hour
  UNION ALL
  SELECT 'secrets per hour' AS series, h.actor AS entity, h.account_id, 3600 AS seconds, h.hour AS time,
    sum(h.secrets) AS value
  FROM wanted AS w
  JOIN hourly_secrets AS h ON h.actor = w.actor
  WHERE w.secrets AND h.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.hour
  UNION ALL
  SELECT 'changes per hour' AS series, account_id AS entity, account_id, 3600 AS seconds, hour AS time,
    sum(changes) AS value
  FROM hourly_region
  WHERE changes > 0 AND array_has($charted, 'changes per hour ' || account_id)
    AND event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND event_date < CAST($to AS DATE)
  GROUP BY account_id, hour
  UNION ALL
  SELECT 'failures per day' AS series, h.actor AS entity, h.account_id, 86400 AS seconds,
    date_trunc('day', min(h.first_time)) AS time, sum(h.failures) AS value
  FROM wanted AS w
  JOIN daily_activity AS h ON h.actor = w.actor
  WHERE w.failures
    AND h.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.event_date
  UNION ALL
  SELECT 'regions per day' AS series, h.actor AS entity, h.account_id, 86400 AS seconds,
    date_trunc('day', min(h.first_time)) AS time, count(DISTINCT h.aws_region) AS value
  FROM wanted AS w
  JOIN daily_api_use AS h ON h.actor = w.actor
  WHERE w.regions
    AND h.event_date >= CAST($from AS DATE) - INTERVAL '14 days' AND h.event_date < CAST($to AS DATE)
  GROUP BY h.actor, h.account_id, h.event_date
)
SELECT
  c.series, c.entity, c.account_id, c.seconds,
  -- Times as the number of such steps since 1970: a hundred series stay small.
  array_agg(CAST(to_unixtime(c.time) / c.seconds AS BIGINT) ORDER BY c.time) AS steps,
  array_agg(CAST(c.value AS BIGINT) ORDER BY c.time) AS counts
FROM counted AS c
CROSS JOIN bounds AS b
WHERE c.time >= b.first_day
GROUP BY c.series, c.entity, c.account_id, c.seconds
ORDER BY c.series, c.entity, c.account_id
