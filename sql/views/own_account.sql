-- Accounts whose trail is in the lake: who is ours, so that everybody else is outside.
SELECT DISTINCT account_id
FROM events
WHERE account_id IS NOT NULL
