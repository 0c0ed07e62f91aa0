-- One row per identity and hour in which it requested secrets: how many different ones, and how many of them it
-- replaced.
WITH asked AS (
  SELECT
    event_date, date_trunc('hour', event_time) AS hour, event_time, account_id, actor, event_id, failed,
    in_api_list('writes_secrets', event_source, event_name) AS writes,
    -- One name where the call has one; a call for several is identified by its whole request.
    coalesce(json_get_str(request_parameters, 'secretId'), json_get_str(request_parameters, 'name'),
      json_get_str(request_parameters, 'path'), json_get_str(request_parameters, 'instanceId'),
      request_parameters) AS secret,
    coalesce(json_length(request_parameters, 'names'), json_length(request_parameters, 'secretIdList'), 1) AS several
  FROM calls
  WHERE NOT by_service
    AND (in_api_list('reads_secrets', event_source, event_name)
      OR in_api_list('writes_secrets', event_source, event_name))
),
counted AS (
  SELECT
    *,
    count(DISTINCT CASE WHEN writes AND NOT failed THEN secret END)
      OVER (PARTITION BY event_date, hour, account_id, actor) AS written
  FROM asked
)
SELECT
  event_date,
  hour,
  account_id,
  actor,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  CAST(count(DISTINCT secret) + greatest(max(several) - 1, 0) AS BIGINT) AS secrets,
  max(written) AS secrets_written,
  evidence(event_id, event_time) AS evidence
FROM counted
WHERE NOT writes
GROUP BY event_date, hour, account_id, actor
