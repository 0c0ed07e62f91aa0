-- Calls with the columns of a timeline; saved questions filter them by key, address, session or identity. A call that
-- an agent made has its host name as address; caller_address and caller_client are those of whoever called the agent.
-- The record of the agent's tool names the requests that it made, or is at least of the same identity and agent within
-- 60 seconds. Then all such records must be from one address. One row per second that is near one.
WITH tools AS (
  SELECT
    actor, agent, second,
    min(source_ip_address) AS caller_address,
    CASE WHEN min(client) = max(client) THEN min(client) END AS caller_client
  FROM (
    SELECT
      actor, agent_name(event_source) AS agent, source_ip_address, client,
      to_unixtime(event_time) + unnest(range(-60, 61)) AS second
    FROM mcp_tool_calls
    WHERE NOT by_service
      AND coalesce(additional_event_data NOT LIKE '%"downstreamRequests"%', TRUE)
  )
  GROUP BY actor, agent, second
  HAVING min(source_ip_address) = max(source_ip_address)
)
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
  CASE WHEN r.request_id IS NOT NULL THEN r.caller_address ELSE t.caller_address END AS caller_address,
  CASE WHEN r.request_id IS NOT NULL THEN r.caller_client ELSE t.caller_client END AS caller_client,
  CASE WHEN r.request_id IS NOT NULL THEN 'request id' WHEN t.actor IS NOT NULL THEN 'identity, time' END
    AS caller_known_by,
  c.actor,
  c.session_name,
  c.access_key_id,
  left(c.request_parameters, 200) AS request,
  c.event_id
-- The smaller sides of the joins come first: they are held in memory.
FROM tools AS t
RIGHT JOIN (agent_requests AS r
  RIGHT JOIN identified_calls AS c ON c.agent IS NOT NULL AND r.request_id = c.request_id AND r.actor = c.actor
) ON t.agent = c.agent AND t.actor = c.actor AND t.second = to_unixtime(c.event_time)
