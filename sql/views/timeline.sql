-- Calls with the columns of a timeline; saved questions filter them by key, address, session or identity.
SELECT
  event_time,
  account_id,
  aws_region,
  event_source,
  api,
  error_code,
  source_ip_address,
  ip_country(source_ip_address) AS country,
  client,
  actor,
  session_name,
  access_key_id,
  left(request_parameters, 200) AS request,
  event_id
FROM identified_calls
