-- Calls that change permissions, credentials, sharing or logging, by API and identity, riskiest first.
SELECT
  category,
  technique,
  event_source,
  event_name,
  actor,
  account_id,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failed,
  min(event_time) AS first_time,
  max(event_time) AS last_time
FROM sensitive_calls
WHERE event_time >= $from AND event_time < $to
GROUP BY category, technique, event_source, event_name, actor, account_id
ORDER BY max(weight) DESC, first_time, event_name, actor
LIMIT 500
