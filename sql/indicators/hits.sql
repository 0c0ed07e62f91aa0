-- Who did what, where one column has one of the wanted values: one row per value, identity, API, account and region.
-- The program fills in the names in braces: a table of texts, the column, and what leaves out events of other columns.
SELECT
  wanted.value,
  event.actor,
  event.account_id,
  event.aws_region,
  event.event_source,
  api_name(event.event_name) AS api,
  min(event.event_time) AS first_time,
  max(event.event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE event.error_code IS NOT NULL OR event.error_message IS NOT NULL) AS failed,
  first_value(event.event_id ORDER BY event.event_time, event.event_id) AS first_event
FROM {wanted} AS wanted
JOIN unique_events AS event ON event.{column} = wanted.value
WHERE event.event_time >= $from AND event.event_time < $to{unless}
GROUP BY wanted.value, event.actor, event.account_id, event.aws_region, event.event_source, api_name(event.event_name)
