-- Matches of Sigma rules, one row per rule, identity, account and day. Stored per day, also of rules without any.
SELECT
  event_date,
  rule,
  actor,
  account_id,
  count(*) AS matches
FROM (
  SELECT rule, event_date, event_time, actor, account_id FROM sigma_matches
  UNION ALL
  SELECT rule, event_date, event_time, actor, account_id FROM sigma_correlated
)
WHERE event_time >= $from AND event_time < $to
GROUP BY event_date, rule, actor, account_id
