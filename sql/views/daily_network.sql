-- One row per identity, address and day, with the location of the address. Services and private addresses have none.
SELECT
  event_date, account_id, actor, source_ip_address,
  ip_country(source_ip_address) AS country,
  ip_asn(source_ip_address) AS asn,
  ip_organisation(source_ip_address) AS organisation,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  CAST(sum(calls) AS BIGINT) AS calls,
  bool_or(with_mfa) AS with_mfa
FROM daily_address
WHERE ip_country(source_ip_address) IS NOT NULL
GROUP BY event_date, account_id, actor, source_ip_address
