-- Calls of tools of AWS's MCP servers: who asked an agent, from where and with which client.
SELECT *
FROM identified_calls
-- Known event sources: they prune files.
WHERE event_source IN ('aws-mcp.amazonaws.com', 'ecs-mcp.amazonaws.com', 'eks-mcp.amazonaws.com',
    'sagemaker-unified-studio-mcp.amazonaws.com')
  AND agent IS NULL
