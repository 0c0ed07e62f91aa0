-- One row per identity, hour, API and error code: which errors an identity got.
SELECT
  event_date,
  date_trunc('hour', event_time) AS hour,
  account_id,
  actor,
  event_source,
  api,
  error_family,
  coalesce(error_code, 'no code') AS error_code,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS failures
FROM identified_calls
WHERE failed AND NOT by_service
GROUP BY event_date, date_trunc('hour', event_time), account_id, actor, event_source, api, error_family,
  coalesce(error_code, 'no code')
