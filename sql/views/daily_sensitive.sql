-- One row per identity, category of sensitive call, API and day. `shared_with` may include our own accounts: which
-- accounts are ours depends on other days.
SELECT
  event_date,
  account_id,
  actor,
  category,
  api,
  shared_with,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures
FROM categorised_calls
GROUP BY event_date, account_id, actor, category, api, shared_with
