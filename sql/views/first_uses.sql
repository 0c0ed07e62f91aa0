-- Computed once a session.
-- The first time an identity shows an item of a kind of habit. Firsts are few: they are aggregated before anything is put
-- in order.
SELECT
  *,
  min(first_time) OVER (PARTITION BY kind, actor) AS known_since,
  actor LIKE '%:role/%' AS is_machine
FROM (
  SELECT
    kind, actor, item,
    min(first_time) AS first_time,
    first_value(event_date ORDER BY first_time) AS event_date,
    first_value(account_id ORDER BY first_time) AS account_id,
    first_value(last_time ORDER BY first_time) AS last_time
  FROM habits
  GROUP BY kind, actor, item
)
