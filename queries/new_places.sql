/*
title = "The first time each identity was seen in a country or network, with how surprising that was when it happened"
[params]
history_days = { default = 7, help = "days the identity has to be known" }
rows         = { default = 100, help = "rows at most" }
*/
SELECT
  first_time,
  actor,
  kind,
  item,
  known_since,
  users_before,
  identities_before,
  round(rarity + steadiness, 2) AS surprise_nats
FROM novelties
WHERE kind IN ('country', 'asn')
  AND history_days >= $history_days
  AND first_time >= $from AND first_time < $to
ORDER BY surprise_nats DESC, first_time, actor
LIMIT $rows
