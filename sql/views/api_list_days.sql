-- Days on which identities called APIs of a list of `api_lists`, and what was usual before: one row per list, identity,
-- account and day. Peers are the identities of a peer_group, in any account.
SELECT
  list, actor, account_id, event_date, calls,
  count(*) OVER own AS days_before,
  coalesce(max(calls) OVER own, 0) AS most_before,
  CAST(dense_rank() OVER (PARTITION BY list, peers ORDER BY event_date) AS BIGINT) - 1 AS peer_days_before,
  coalesce(max(calls) OVER peers, 0) AS most_of_peers
FROM (
  SELECT
    l.list, u.actor, peer_group(u.actor) AS peers, u.account_id, u.event_date, CAST(sum(u.calls) AS BIGINT) AS calls
  FROM api_lists AS l
  JOIN daily_api_use AS u ON u.event_source = l.event_source AND u.api = l.api
  GROUP BY l.list, u.actor, peer_group(u.actor), u.account_id, u.event_date
)
WINDOW own AS (
    PARTITION BY list, actor, account_id ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
  peers AS (
    PARTITION BY list, peers ORDER BY event_date RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING)
