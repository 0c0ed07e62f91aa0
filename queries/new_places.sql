/*
title = "First use of a country or network by an identity, and how surprising that was at the time"
[params]
history_days = { default = 7, help = "minimum days of history of the identity" }
rows         = { default = 100, help = "maximum number of rows" }
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
