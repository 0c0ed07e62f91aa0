/*
title = "Console sign-ins: who, from where, with MFA or not, and the result"
[params]
rows = { default = 1000, help = "maximum number of rows" }
*/
SELECT
  event_time,
  account_id,
  actor,
  source_ip_address,
  ip_country(source_ip_address) AS country,
  json_get_str(response_elements, 'ConsoleLogin') AS result,
  json_get_str(additional_event_data, 'MFAUsed') AS mfa_used
FROM calls
WHERE event_name = 'ConsoleLogin'
  AND event_time >= $from AND event_time < $to
ORDER BY event_time, event_id
LIMIT $rows
