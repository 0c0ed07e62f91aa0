-- first_times(kind, from, to, warm_up_days, only_known): what identities did for the first time, one row per identity,
-- account and day. kind is a kind of habit of `novelties`; identities known for fewer than warm_up_days are left out;
-- with only_known, so are items that nobody had before.
SELECT
  actor, account_id, event_date,
  min(first_time) AS first_time,
  min(known_since) AS known_since,
  max(active_days) AS active_days,
  max(new_days) AS new_days,
  max(identities_before) AS identities_before,
  min(users_before) AS users_before,
  array_agg(item ORDER BY rarity DESC, item) AS items,
  -- Nats: how rare the items are among identities, and how seldom the identity does anything new.
  sum(rarity) AS rarity_sum,
  max(rarity) AS rarity_max,
  max(steadiness) AS steadiness
FROM novelties
WHERE kind = $kind
  AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
  AND history_days >= $warm_up_days
  AND (is_known OR NOT $only_known)
GROUP BY actor, account_id, event_date
