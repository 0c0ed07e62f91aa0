-- One row an identity and active hour: how much it did and how much of that failed. A denied target is a request to
-- change or read settings, told by what it asked: a job that lost its bucket is denied a thousand objects, and that says
-- nothing about who asks.
WITH grouped AS (
  SELECT
    event_date,
    date_trunc('hour', event_time) AS hour,
    account_id,
    actor,
    event_source,
    api,
    error_family,
    CASE WHEN error_family = 'denied' AND management_event IS NOT FALSE THEN coalesce(request_parameters, '') END AS denied_target,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    count(*) FILTER (WHERE read_only IS FALSE AND management_event IS NOT FALSE) AS changes
  FROM calls
  WHERE NOT by_service
  GROUP BY event_date, date_trunc('hour', event_time), account_id, actor, event_source, api, error_family,
    CASE WHEN error_family = 'denied' AND management_event IS NOT FALSE THEN coalesce(request_parameters, '') END
),
of_api AS (
  SELECT
    event_date, hour, account_id, actor, event_source, api,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    sum(calls) AS calls,
    -- A service that asks for less speed says nothing about who asks.
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
