-- Who signed in to the console, from where, with or without MFA, and with what success.
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
ORDER BY event_time
