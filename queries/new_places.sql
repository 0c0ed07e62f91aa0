-- The first time each identity was seen in a country or network, with how surprising that was when it happened.
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
  AND history_days >= 7
ORDER BY surprise_nats DESC
LIMIT 100
