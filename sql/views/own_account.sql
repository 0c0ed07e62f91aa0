-- Accounts whose trail is in the lake, and since which day. All other accounts are outside accounts.
SELECT account_id, min(event_date) AS since
FROM daily_account
GROUP BY account_id
