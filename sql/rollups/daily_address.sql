-- One row per holder of credentials, address and day: who called from where. Calls of agents have no address; the call
-- of the agent's tool has.
SELECT
  event_date,
  account_id,
  actor,
  holder,
  source_ip_address,
  vpc_endpoint_id IS NOT NULL AS through_endpoint,
  vpc_endpoint_account_id AS endpoint_account,
  of_instance,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  bool_or(coalesce(mfa_authenticated, FALSE)) AS with_mfa
FROM identified_calls
WHERE NOT by_service AND agent IS NULL
GROUP BY event_date, account_id, actor, holder, source_ip_address, vpc_endpoint_id IS NOT NULL,
  vpc_endpoint_account_id, of_instance
