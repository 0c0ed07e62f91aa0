-- One row per identity, region, API and day: what identities do by themselves or through agents, without
-- what services did for them.
SELECT
  event_date,
  account_id,
  aws_region,
  actor,
  event_source,
  api,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(calls) AS calls,
  coalesce(sum(calls) FILTER (WHERE failed), 0) AS failures,
  coalesce(sum(calls) FILTER (WHERE error_family = 'denied'), 0) AS denied,
  coalesce(sum(calls) FILTER (WHERE is_change), 0) AS changes
FROM hourly_calls
GROUP BY event_date, account_id, aws_region, actor, event_source, api
