-- One row per identity, agent, API and day: what agents did for identities.
SELECT
  event_date,
  account_id,
  actor,
  agent,
  event_source,
  api,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  count(*) FILTER (WHERE is_change) AS changes
FROM identified_calls
WHERE agent IS NOT NULL
GROUP BY event_date, account_id, actor, agent, event_source, api
