-- One row per account and day: whose trail is in the lake.
SELECT
  event_date,
  account_id,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls
FROM unique_events
WHERE account_id IS NOT NULL
GROUP BY event_date, account_id
