-- Requests that agents made for their callers: who called the agent's tool, from where and with which client. AWS's MCP
-- servers record each call of a tool with the ids of the requests that it made. The record is written when the tool
-- ends, so that it is not earlier than its requests. One row per identity and request.
SELECT
  actor,
  json_get_str(request, 'requestId') AS request_id,
  min(event_time) AS tool_time,
  first_value(event_id ORDER BY event_time, event_id) AS tool_event_id,
  first_value(source_ip_address ORDER BY event_time, event_id) AS caller_address,
  first_value(client ORDER BY event_time, event_id) AS caller_client
FROM (
  SELECT
    actor, event_time, event_id, source_ip_address, client,
    unnest(json_get_array(additional_event_data, 'downstreamRequests')) AS request
  FROM mcp_tool_calls
  WHERE additional_event_data LIKE '%"downstreamRequests"%'
)
WHERE json_get_str(request, 'requestId') IS NOT NULL
GROUP BY actor, json_get_str(request, 'requestId')
