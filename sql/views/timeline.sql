-- Calls with the columns of a timeline; saved questions filter them by key, address, session or identity. A call that
-- an agent made has its host name as address; caller_address and caller_client are those of whoever called the agent.
SELECT
  c.event_time,
  c.account_id,
  c.aws_region,
  c.event_source,
  c.api,
  c.error_code,
  c.source_ip_address,
  ip_country(c.source_ip_address) AS country,
  c.client,
  c.via,
  r.caller_address,
  r.caller_client,
  c.actor,
  c.session_name,
  c.access_key_id,
  left(c.request_parameters, 200) AS request,
  c.event_id
-- The smaller side of the join comes first: it is held in memory.
FROM agent_requests AS r
RIGHT JOIN identified_calls AS c ON c.agent IS NOT NULL AND r.request_id = c.request_id AND r.actor = c.actor
