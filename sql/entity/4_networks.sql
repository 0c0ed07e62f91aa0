/*
title = "Source addresses"
*/
SELECT *
FROM (
  SELECT
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    source_ip_address AS address,
    ip_country(source_ip_address) AS country,
    ip_organisation(source_ip_address) AS organisation,
    bool_or(coalesce(mfa_authenticated, FALSE)) AS with_mfa,
    count(*) AS calls
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR access_key_id = $entity OR source_ip_address = $entity)
    AND NOT by_service AND agent IS NULL
    AND event_time >= $from AND event_time < $to
  GROUP BY source_ip_address
  ORDER BY calls DESC, address
  LIMIT 10
) AS shown
ORDER BY first_time, address
