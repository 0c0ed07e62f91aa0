-- What identities did by themselves or through agents, without what services did for them: one row per identity,
-- region, API, outcome and hour. Several daily summaries count these rows: there are fewer than events.
SELECT
  event_date,
  date_trunc('hour', event_time) AS hour,
  account_id,
  aws_region,
  actor,
  event_source,
  api,
  failed,
  error_family,
  error_code,
  is_change,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls
FROM identified_calls
WHERE NOT by_service
GROUP BY event_date, date_trunc('hour', event_time), account_id, aws_region, actor, event_source, api, failed,
  error_family, error_code, is_change
