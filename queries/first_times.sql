/*
title = "Everything an identity did for the first time, and how surprising that was at the time"
[params]
actor = { help = "identity, as in the column actor" }
rows  = { default = 500, help = "maximum number of rows" }
*/
SELECT
  first_time,
  kind,
  item,
  account_id,
  users_before,
  identities_before,
  round(rarity + steadiness, 2) AS surprise_nats
FROM novelties
WHERE actor = $actor
  AND first_time >= $from AND first_time < $to
ORDER BY first_time, kind, item
LIMIT $rows
