-- One row per identity and active hour: how much it did and how much of that failed. Denied targets are the different
-- requests of the control plane that were denied. Denied data events are left out: a job that lost access to its bucket
-- gets a denial for each of a thousand objects.
WITH of_api AS (
  SELECT
    event_date, hour, account_id, actor, event_source, api,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    sum(calls) AS calls,
    -- Throttling says nothing about what the caller may do.
    coalesce(sum(calls) FILTER (WHERE failed AND error_family IS DISTINCT FROM 'throttled'), 0) AS failures,
    coalesce(sum(calls) FILTER (WHERE error_family = 'denied'), 0) AS denied,
    coalesce(sum(calls) FILTER (WHERE is_change), 0) AS changes
  FROM hourly_calls
  GROUP BY event_date, hour, account_id, actor, event_source, api
),
of_service AS (
  SELECT
    event_date, hour, account_id, actor, event_source,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    sum(calls) AS calls,
    sum(failures) AS failures,
    sum(denied) AS denied,
    sum(changes) AS changes,
    count(*) AS apis,
    sum(CASE WHEN denied > 0 THEN 1 ELSE 0 END) AS denied_apis,
    CAST(0 AS BIGINT) AS denied_targets
  FROM of_api
  GROUP BY event_date, hour, account_id, actor, event_source
),
-- Requests are long: only those that were denied are read.
denied AS (
  SELECT DISTINCT
    event_date, date_trunc('hour', event_time) AS hour, account_id, actor, event_source, api, request_parameters
  FROM identified_calls
  WHERE NOT by_service AND error_family = 'denied' AND management_event IS NOT FALSE
),
counted AS (
  SELECT * FROM of_service
  UNION ALL
  SELECT event_date, hour, account_id, actor, event_source, NULL, NULL, 0, 0, 0, 0, 0, 0, count(*)
  FROM denied
  GROUP BY event_date, hour, account_id, actor, event_source
)
SELECT
  event_date, hour, account_id, actor,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(calls) AS calls,
  sum(failures) AS failures,
  sum(changes) AS changes,
  sum(apis) AS apis,
  sum(denied) AS denied,
  sum(denied_apis) AS denied_apis,
  sum(CASE WHEN denied > 0 THEN 1 ELSE 0 END) AS denied_services,
  sum(denied_targets) AS denied_targets
FROM counted
GROUP BY event_date, hour, account_id, actor
