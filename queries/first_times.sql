/*
title = "What an identity did for the first time, with how surprising that was when it happened"
[params]
actor = { help = "the identity as the column actor has it" }
rows  = { default = 500, help = "rows at most" }
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
