-- Days with sensitive calls, and what was usual before: one row per identity, account, category, API and day. Peers are
-- the identities of a peer_group, in any account.
SELECT
  actor, account_id, category, api, event_date,
  -- Earlier days on which the identity made changes of the category.
  CAST(dense_rank() OVER (PARTITION BY actor, account_id, category ORDER BY event_date) AS BIGINT) - 1 AS days_before,
  -- Earlier days on which it or a peer called the API.
  CAST(dense_rank() OVER (PARTITION BY peers, category, api ORDER BY event_date) AS BIGINT) - 1 AS peer_days_before,
  -- The most calls of any of them in a day.
  coalesce(max(calls_of_day) OVER (
    PARTITION BY peers, category, api ORDER BY event_date
    RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING), 0) AS most_before
FROM (
  SELECT
    actor, peer_group(actor) AS peers, account_id, category, api, event_date,
    sum(sum(calls)) OVER (PARTITION BY actor, category, api, event_date) AS calls_of_day
  FROM daily_sensitive
  GROUP BY actor, account_id, category, api, event_date
)
