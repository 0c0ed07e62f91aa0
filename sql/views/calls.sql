-- Events with what every detector asks of them: the API without its version, the kind of failure, who really made the
-- call. Events without an identity are left out: nobody's habits.
SELECT
  events.*,
  api_name(event_name) AS api,
  error_family(error_code, error_message) AS error_family,
  error_code IS NOT NULL OR error_message IS NOT NULL AS failed,
  -- A service did it, or did it on somebody's behalf: not the identity's own network, client or habits.
  coalesce(user_identity_type = 'AWSService', FALSE)
    OR invoked_by IS NOT NULL
    OR coalesce(is_service_caller(source_ip_address), FALSE) AS by_service
FROM events
WHERE actor IS NOT NULL
