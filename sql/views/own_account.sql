-- Accounts whose trail is in the lake, and since which day: who is ours, so that everybody else is outside.
SELECT account_id, min(event_date) AS since
FROM daily_account
GROUP BY account_id
