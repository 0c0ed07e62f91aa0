/*
title = "Who is behind a session or an access key, step by step, and what was done with it"
[params]
session = { help = "temporary access key, ARN or name of a session, or an origin; exact" }
rows    = { default = 500, help = "maximum number of rows" }
*/
SELECT
  issued_time,
  credential,
  session_arn,
  origin,
  origin_kind,
  path,
  links,
  unknown_because,
  issued_by,
  issued_from,
  ip_country(issued_from) AS country,
  first_time,
  last_time,
  first_address,
  calls,
  accounts
FROM sessions
WHERE (credential = $session OR session_arn = $session OR ends_with(session_arn, '/' || $session)
    OR origin = $session OR array_has(path, $session))
  AND last_time >= $from AND first_time < $to
ORDER BY first_time, credential
LIMIT $rows
