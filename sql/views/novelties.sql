-- Computed once a session.
-- The first time an identity shows an item of a kind of habit, with how surprising that is, judged by what came before.
-- Every number here looks only at earlier rows, so a day's rows do not depend on the days after it. People are compared
-- with people and machines with machines: half the machines may live in a network from which no person ever called.
WITH dated AS MATERIALIZED (
  SELECT *, (to_unixtime(first_time) - to_unixtime(known_since)) / 86400.0 AS history_days
  FROM first_uses
),
-- How steady the identity was: its active days so far, and those that brought something new after its first week.
steadiness AS (
  SELECT n.kind, n.actor, n.event_date, n.new_days, a.active_days
  FROM (
    SELECT
      kind, actor, event_date,
      coalesce(sum(brought_new) OVER (PARTITION BY kind, actor ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS new_days
    FROM (
      SELECT kind, actor, event_date, max(CASE WHEN history_days >= 7 THEN 1 ELSE 0 END) AS brought_new
      FROM dated
      GROUP BY kind, actor, event_date
    )
  ) AS n
  JOIN active_days AS a ON a.kind = n.kind AND a.actor = n.actor AND a.event_date = n.event_date
),
-- How many identities had been met before each day with something new.
population AS (
  SELECT kind, is_machine, event_date, coalesce(sum(begun) OVER (PARTITION BY kind, is_machine ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS identities_before
  FROM (
    SELECT kind, is_machine, event_date, count(DISTINCT CASE WHEN first_time = known_since THEN actor END) AS begun
    FROM dated
    GROUP BY kind, is_machine, event_date
  )
)
SELECT
  n.kind, n.actor, n.account_id, n.event_date, n.item, n.first_time, n.known_since, n.history_days,
  s.active_days,
  s.new_days,
  p.identities_before,
  n.users_before,
  -- Somebody or something had it before.
  n.is_known,
  -- Nats. How rare the item is among identities.
  rarity(n.users_before, p.identities_before) AS rarity,
  -- Nats. How seldom the identity does anything new at all: Laplace's rule of succession.
  -ln((s.new_days + 1.0) / (s.active_days + 2.0)) AS steadiness
FROM (
  SELECT
    *,
    rank() OVER (PARTITION BY kind, is_machine, item ORDER BY first_time) - 1 AS users_before,
    first_time > min(first_time) OVER (PARTITION BY kind, item) AS is_known
  FROM dated
) AS n
JOIN steadiness AS s ON s.kind = n.kind AND s.actor = n.actor AND s.event_date = n.event_date
JOIN population AS p ON p.kind = n.kind AND p.is_machine = n.is_machine AND p.event_date = n.event_date
