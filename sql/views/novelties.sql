-- Computed once a session.
-- The first time an identity shows an item of a kind of habit, with how surprising that is, judged by what came before.
-- Every number here looks only at earlier rows, so a day's rows do not depend on the days after it.
WITH judged AS (
  SELECT
    *,
    first_seen(item, first_time, 0) OVER (PARTITION BY kind, actor ORDER BY first_time) AS is_new,
    min(first_time) OVER (PARTITION BY kind, actor) AS known_since
  FROM habits
),
dated AS (
  SELECT *, (to_unixtime(first_time) - to_unixtime(known_since)) / 86400.0 AS history_days
  FROM judged
),
-- How steady the identity was: its active days so far, and those that brought something new after its first week.
steadiness AS (
  SELECT
    kind, actor, event_date,
    count(*) OVER before AS active_days,
    coalesce(sum(brought_new) OVER before, 0) AS new_days
  FROM (
    SELECT kind, actor, event_date,
      max(CASE WHEN is_new AND history_days >= 7 THEN 1 ELSE 0 END) AS brought_new
    FROM dated
    GROUP BY kind, actor, event_date
  )
  WINDOW before AS (PARTITION BY kind, actor ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- How many identities had been met before each day.
population AS (
  SELECT kind, event_date, coalesce(sum(begun) OVER (PARTITION BY kind ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS identities_before
  FROM (
    SELECT kind, event_date, count(DISTINCT CASE WHEN first_time = known_since THEN actor END) AS begun
    FROM dated
    GROUP BY kind, event_date
  )
)
SELECT
  n.kind, n.actor, n.account_id, n.event_date, n.item, n.first_time, n.last_time, n.calls, n.known_since, n.history_days,
  s.active_days,
  s.new_days,
  p.identities_before,
  n.users_before,
  -- Nats. How rare the item is among identities.
  rarity(n.users_before, p.identities_before) AS rarity,
  -- Nats. How seldom the identity does anything new at all: Laplace's rule of succession.
  -ln((s.new_days + 1.0) / (s.active_days + 2.0)) AS steadiness
FROM (
  SELECT *, rank() OVER (PARTITION BY kind, item ORDER BY first_time) - 1 AS users_before
  FROM dated
  WHERE is_new
) AS n
JOIN steadiness AS s ON s.kind = n.kind AND s.actor = n.actor AND s.event_date = n.event_date
JOIN population AS p ON p.kind = n.kind AND p.event_date = n.event_date
