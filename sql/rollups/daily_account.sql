-- One row per account and day: whose trail is in the lake.
SELECT
  event_date,
  account_id,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(calls) AS calls
FROM hourly_api_use
WHERE account_id IS NOT NULL
GROUP BY event_date, account_id
