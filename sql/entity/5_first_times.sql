/*
title = "Most surprising first times of the identity"
*/
SELECT *
FROM (
  SELECT
    first_time,
    kind,
    item,
    users_before AS others_before,
    round(rarity + steadiness, 1) AS surprise_nats
  FROM novelties
  WHERE actor IN (
      SELECT DISTINCT actor
      FROM calls
      WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity)
        AND event_time >= $from AND event_time < $to
    )
    AND history_days >= 3
    AND first_time >= $from AND first_time < $to
  ORDER BY surprise_nats DESC, first_time, item
  LIMIT 10
) AS shown
ORDER BY first_time, item
