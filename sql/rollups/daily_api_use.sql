-- One row per identity, region, API and day: what identities do by themselves or through agents, without
-- what services did for them.
SELECT
  event_date,
  account_id,
  aws_region,
  actor,
  event_source,
  api,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE error_family = 'denied') AS denied,
  count(*) FILTER (WHERE is_change) AS changes
FROM identified_calls
WHERE NOT by_service
GROUP BY event_date, account_id, aws_region, actor, event_source, api
