-- One row per identity and active hour: how much it did and how much of that failed. Denied targets are the different
-- requests of the control plane that were denied. Denied data events are left out: a job that lost access to its bucket
-- gets a denial for each of a thousand objects.
WITH asked AS (
  SELECT
    event_date, event_time, account_id, actor, event_source, api, error_family, failed, is_change,
    date_trunc('hour', event_time) AS hour,
    CASE WHEN error_family = 'denied' AND management_event IS NOT FALSE
         THEN coalesce(request_parameters, '') END AS denied_target
  FROM identified_calls
  WHERE NOT by_service
),
grouped AS (
  SELECT
    event_date, hour, account_id, actor, event_source, api, error_family, denied_target,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    count(*) FILTER (WHERE is_change) AS changes
  FROM asked
  GROUP BY event_date, hour, account_id, actor, event_source, api, error_family, denied_target
),
of_api AS (
  SELECT
    event_date, hour, account_id, actor, event_source, api,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    sum(calls) AS calls,
    -- Throttling says nothing about what the caller may do.
    sum(CASE WHEN error_family = 'throttled' THEN 0 ELSE failures END) AS failures,
    sum(CASE WHEN error_family = 'denied' THEN calls ELSE 0 END) AS denied,
    sum(changes) AS changes,
    count(denied_target) AS denied_targets
  FROM grouped
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
    sum(denied_targets) AS denied_targets,
    count(*) AS apis,
    sum(CASE WHEN denied > 0 THEN 1 ELSE 0 END) AS denied_apis
  FROM of_api
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
FROM of_service
GROUP BY event_date, hour, account_id, actor
