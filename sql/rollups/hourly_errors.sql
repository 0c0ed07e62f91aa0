-- One row per identity, hour, API and error code: which errors an identity got.
SELECT
  event_date,
  hour,
  account_id,
  actor,
  event_source,
  api,
  error_family,
  coalesce(error_code, 'no code') AS error_code,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(calls) AS failures
FROM hourly_calls
WHERE failed
GROUP BY event_date, hour, account_id, actor, event_source, api, error_family, coalesce(error_code, 'no code')
