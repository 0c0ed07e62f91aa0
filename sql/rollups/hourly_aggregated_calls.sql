-- One row per identity and hour in which summaries of data events state more successful calls than there are events of
-- the identity: its data events are not logged one by one, or not all of them.
WITH once AS (
  -- Several trails may summarise the same calls.
  SELECT
    event_date, event_time, account_id, aws_region, event_source, template, subject, actor,
    max(calls - failures) AS calls
  FROM aggregated_calls
  WHERE calls > failures
  GROUP BY event_date, event_time, account_id, aws_region, event_source, template, subject, actor
),
by_template AS (
  SELECT event_date, event_time, account_id, aws_region, event_source, template, actor, sum(calls) AS calls
  FROM once
  GROUP BY event_date, event_time, account_id, aws_region, event_source, template, actor
),
-- So do the templates.
of_window AS (
  SELECT event_date, event_time, account_id, aws_region, event_source, actor, max(calls) AS calls
  FROM by_template
  GROUP BY event_date, event_time, account_id, aws_region, event_source, actor
),
hourly AS (
  SELECT
    event_date, date_trunc('hour', event_time) AS hour, account_id, actor,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    CAST(sum(calls) AS BIGINT) AS calls
  FROM of_window
  GROUP BY event_date, date_trunc('hour', event_time), account_id, actor
)
SELECT h.event_date, h.hour, h.account_id, h.actor, h.first_time, h.last_time, h.calls
FROM hourly AS h
LEFT JOIN hourly_activity AS a ON a.event_date = h.event_date AND a.hour = h.hour AND a.account_id = h.account_id
  AND a.actor = h.actor
WHERE h.calls > coalesce(a.calls - a.failures, 0)
