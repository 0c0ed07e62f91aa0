/*
title = "Sessions: who is behind them, and what they led to"
*/
SELECT *
FROM (
  SELECT
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    origin,
    path[-1] AS role_or_user,
    links[-1] AS known_from,
    unknown_because AS why_unknown,
    issued_from,
    count(*) AS sessions,
    CAST(sum(calls) AS BIGINT) AS calls,
    max(accounts) AS accounts
  FROM sessions
  WHERE (actor = $entity OR origin = $entity OR session_arn = $entity OR credential = $entity
      OR array_has(path, $entity) OR issued_from = $entity OR first_address = $entity)
    AND last_time >= $from AND first_time < $to
    -- A user's own session says nothing new.
    AND (cardinality(path) > 1 OR origin = 'unknown')
  GROUP BY origin, path[-1], links[-1], unknown_because, issued_from
  ORDER BY calls DESC, origin
  LIMIT 15
) AS shown
ORDER BY first_time, origin
