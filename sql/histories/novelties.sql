-- The first time an identity shows an item of a kind of habit, and how surprising that is given what came before.
-- Every number here looks only at earlier rows, so a day's rows do not depend on the days after it. People are compared
-- with people and machines with machines: half the machines may run in a network from which no person ever called.
--
-- The days from $from up to $to are computed, from the rollups and from what is known of the days before.
WITH known AS (
  -- The columns that are read of the stored days; the engine puts their rows here.
  SELECT '' AS kind, '' AS actor, '' AS account_id, '' AS item, to_timestamp_micros(0, 'UTC') AS first_time WHERE FALSE
),
of_api AS MATERIALIZED (
  SELECT
    actor, event_source, api,
    min(first_time) AS first_time,
    first_value(account_id ORDER BY first_time, account_id) AS account_id
  FROM daily_api_use
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, event_source, api
),
-- First times are few: they are aggregated before anything is sorted.
shown AS (
  SELECT 'api' AS kind, actor, account_id, event_source || ':' || api AS item, first_time
  FROM of_api
  UNION ALL
  SELECT 'event_source' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id,
    event_source AS item, min(first_time) AS first_time
  FROM of_api
  GROUP BY actor, event_source
  UNION ALL
  SELECT 'region' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id,
    aws_region AS item, min(first_time) AS first_time
  FROM daily_api_use
  WHERE aws_region IS NOT NULL AND event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, aws_region
  UNION ALL
  SELECT 'country' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id,
    country AS item, min(first_time) AS first_time
  FROM daily_network
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, country
  UNION ALL
  SELECT 'asn' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id,
    CAST(asn AS VARCHAR) AS item, min(first_time) AS first_time
  FROM daily_network
  WHERE asn IS NOT NULL AND event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, asn
  UNION ALL
  SELECT 'user_agent' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id,
    client AS item, min(first_time) AS first_time
  FROM daily_client
  WHERE client IS NOT NULL AND event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, client
  UNION ALL
  SELECT 'target' AS kind, actor, first_value(account_id ORDER BY first_time, account_id) AS account_id,
    kind || ' ' || target AS item, min(first_time) AS first_time
  FROM daily_target
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, kind, target
),
firsts AS MATERIALIZED (
  SELECT s.kind, s.actor, s.account_id, s.item, s.first_time
  FROM shown AS s
  LEFT ANTI JOIN known AS k ON k.kind = s.kind AND k.actor = s.actor AND k.item = s.item
),
identities AS MATERIALIZED (
  SELECT DISTINCT kind, actor FROM firsts
),
-- All first times of the identities that show something new, and since when each identity is known.
own AS MATERIALIZED (
  SELECT kind, actor, first_time FROM firsts
  UNION ALL
  SELECT k.kind, k.actor, k.first_time
  FROM known AS k
  LEFT SEMI JOIN identities AS i ON i.kind = k.kind AND i.actor = k.actor
),
since AS MATERIALIZED (
  SELECT kind, actor, min(first_time) AS known_since FROM own GROUP BY kind, actor
),
-- The days on which an identity shows any item of a kind of habit, each with the number of such days before.
active AS (
  SELECT
    kind, actor, event_date,
    CAST(row_number() OVER (PARTITION BY kind, actor ORDER BY event_date) AS BIGINT) - 1 AS active_days
  FROM (
    SELECT i.kind, d.actor, d.event_date
    FROM identities AS i
    JOIN (
      SELECT actor, event_date, bool_or(aws_region IS NOT NULL) AS in_region
      FROM daily_api_use
      WHERE event_date < CAST($to AS DATE)
      GROUP BY actor, event_date
    ) AS d ON d.actor = i.actor
    WHERE i.kind IN ('api', 'event_source') OR (i.kind = 'region' AND d.in_region)
    UNION ALL
    SELECT i.kind, d.actor, d.event_date
    FROM identities AS i
    JOIN (
      SELECT actor, event_date, max(asn) IS NOT NULL AS in_system
      FROM daily_network
      WHERE event_date < CAST($to AS DATE)
      GROUP BY actor, event_date
    ) AS d ON d.actor = i.actor
    WHERE i.kind = 'country' OR (i.kind = 'asn' AND d.in_system)
    UNION ALL
    SELECT i.kind, d.actor, d.event_date
    FROM identities AS i
    JOIN (
      SELECT DISTINCT actor, event_date
      FROM daily_client
      WHERE client IS NOT NULL AND event_date < CAST($to AS DATE)
    ) AS d ON d.actor = i.actor
    WHERE i.kind = 'user_agent'
    UNION ALL
    SELECT i.kind, d.actor, d.event_date
    FROM identities AS i
    JOIN (
      SELECT DISTINCT actor, event_date
      FROM daily_target
      WHERE event_date < CAST($to AS DATE)
    ) AS d ON d.actor = i.actor
    WHERE i.kind = 'target'
  )
),
-- Days with something new, after the identity's first week.
new_days AS (
  SELECT
    kind, actor, event_date, known_since,
    coalesce(sum(brought_new) OVER (
      PARTITION BY kind, actor ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS new_days
  FROM (
    SELECT
      o.kind, o.actor, CAST(o.first_time AS DATE) AS event_date, s.known_since,
      max(CASE WHEN (to_unixtime(o.first_time) - to_unixtime(s.known_since)) / 86400.0 >= 7 THEN 1 ELSE 0 END)
        AS brought_new
    FROM own AS o
    JOIN since AS s ON s.kind = o.kind AND s.actor = o.actor
    GROUP BY o.kind, o.actor, CAST(o.first_time AS DATE), s.known_since
  )
),
-- How steady the identity was: its active days so far, and those that brought something new.
steadiness AS (
  SELECT n.kind, n.actor, n.event_date, n.known_since, n.new_days, a.active_days
  FROM new_days AS n
  JOIN active AS a ON a.kind = n.kind AND a.actor = n.actor AND a.event_date = n.event_date
  WHERE n.event_date >= CAST($from AS DATE)
),
-- How many identities were known before each day with something new.
population AS (
  SELECT
    kind, is_machine, event_date,
    coalesce(sum(begun) OVER (
      PARTITION BY kind, is_machine ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
      AS identities_before
  FROM (
    SELECT kind, is_machine, event_date, sum(begun) AS begun
    FROM (
      SELECT kind, is_machine(actor) AS is_machine, CAST(min(first_time) AS DATE) AS event_date, 1 AS begun
      FROM (SELECT kind, actor, first_time FROM known UNION ALL SELECT kind, actor, known_since FROM since)
      GROUP BY kind, actor
      UNION ALL
      SELECT DISTINCT kind, is_machine(actor) AS is_machine, CAST(first_time AS DATE) AS event_date, 0 AS begun
      FROM firsts
    )
    GROUP BY kind, is_machine, event_date
  )
),
-- The new first times among all first times of their items.
ranked AS (
  SELECT
    kind, actor, account_id, item, first_time, is_machine,
    rank() OVER (PARTITION BY kind, is_machine, item ORDER BY first_time) - 1 AS users_before,
    first_time > min(first_time) OVER (PARTITION BY kind, item) AS is_known
  FROM (
    SELECT kind, actor, is_machine(actor) AS is_machine, account_id, item, first_time FROM firsts
    UNION ALL
    SELECT k.kind, k.actor, is_machine(k.actor) AS is_machine, k.account_id, k.item, k.first_time
    FROM known AS k
    LEFT SEMI JOIN firsts AS f ON f.kind = k.kind AND f.item = k.item
  )
)
SELECT
  s.event_date, n.kind, n.actor, n.account_id, n.item, n.first_time, s.known_since,
  (to_unixtime(n.first_time) - to_unixtime(s.known_since)) / 86400.0 AS history_days,
  s.active_days,
  s.new_days,
  p.identities_before,
  n.users_before,
  -- Another identity had it before.
  n.is_known,
  -- Nats. How rare the item is among identities.
  rarity(n.users_before, p.identities_before) AS rarity,
  -- Nats. How seldom the identity does anything new at all: Laplace's rule of succession.
  -ln((s.new_days + 1.0) / (s.active_days + 2.0)) AS steadiness
FROM ranked AS n
JOIN steadiness AS s ON s.kind = n.kind AND s.actor = n.actor AND s.event_date = CAST(n.first_time AS DATE)
JOIN population AS p ON p.kind = n.kind AND p.is_machine = n.is_machine AND p.event_date = s.event_date
