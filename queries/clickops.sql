/*
title = "Manual console changes to resources that infrastructure code owns"
about = "Owned: created or changed before by Terraform, OpenTofu, Pulumi, CDK or CloudFormation, as their client says."
[params]
rows = { default = 1000, help = "maximum number of rows" }
*/
-- A client says what it is: any program can send the user agent of another one. CloudFormation is stated by AWS.
WITH made AS (
  SELECT
    event_time, event_id, account_id, aws_region, event_source, api, actor, source_ip_address, request_parameters,
    response_elements, by_service, session_credential_from_console,
    CASE WHEN 'cloudformation.amazonaws.com' IN (invoked_by, source_ip_address, user_agent) THEN 'CloudFormation'
         WHEN user_agent LIKE 'aws-cdk/%' OR user_agent LIKE '% aws-cdk/%' THEN 'CDK'
         WHEN user_agent LIKE '%OpenTofu/%' THEN 'OpenTofu'
         ELSE user_agent_family(user_agent) END AS tool
  FROM calls
  WHERE event_time < $to AND is_change AND NOT failed
),
changes AS (
  SELECT
    *,
    tool IN ('CloudFormation', 'CDK', 'OpenTofu', 'Terraform', 'Pulumi') AS is_code,
    -- What a call of EC2 creates is in its answer, all of it. The request names what it is made of and belongs to.
    CASE WHEN creates THEN string_to_array(
      regexp_replace(response_elements, '"([a-z]+-[0-9a-f]{8,17})"', chr(10) || '\1' || chr(10), 'g'), chr(10))
    -- The resource by its name or id, in the request and in the answer to a call that creates it.
    ELSE make_array(
      coalesce(
        CASE WHEN event_source = 'ec2.amazonaws.com' THEN regexp_match(request_parameters,
          '"((?:acl|ami|eni|igw|i|lt|nat|pcx|rtb|sg|snap|subnet|tgw|vol|vpc|vpce)-[0-9a-f]{8,17})"')[1] END,
        json_get_str(request_parameters, 'bucketName'), json_get_str(request_parameters, 'functionName'),
        json_get_str(request_parameters, 'roleName'), json_get_str(request_parameters, 'userName'),
        json_get_str(request_parameters, 'groupName'), json_get_str(request_parameters, 'policyArn'),
        json_get_str(request_parameters, 'autoScalingGroupName'),
        json_get_str(request_parameters, 'tableName'), json_get_str(request_parameters, 'dBInstanceIdentifier'),
        json_get_str(request_parameters, 'dBClusterIdentifier'), json_get_str(request_parameters, 'topicArn'),
        json_get_str(request_parameters, 'queueUrl'), json_get_str(request_parameters, 'queueName'),
        json_get_str(request_parameters, 'secretId'), json_get_str(request_parameters, 'keyId'),
        json_get_str(request_parameters, 'stateMachineArn'), json_get_str(request_parameters, 'loadBalancerArn'),
        json_get_str(request_parameters, 'targetGroupArn'), json_get_str(request_parameters, 'listenerArn'),
        json_get_str(request_parameters, 'repositoryName'), json_get_str(request_parameters, 'logGroupName'),
        json_get_str(request_parameters, 'restApiId'), json_get_str(request_parameters, 'apiId'),
        json_get_str(request_parameters, 'hostedZoneId'), json_get_str(request_parameters, 'streamName'),
        json_get_str(request_parameters, 'clusterName'), json_get_str(request_parameters, 'domainName'),
        json_get_str(request_parameters, 'service'), json_get_str(request_parameters, 'stackName'),
        json_get_str(request_parameters, 'name')),
      coalesce(
        json_get_str(response_elements, 'topicArn'), json_get_str(response_elements, 'queueUrl'),
        json_get_str(response_elements, 'keyMetadata', 'keyId'), json_get_str(response_elements, 'policy', 'arn'),
        json_get_str(response_elements, 'aRN'), json_get_str(response_elements, 'stateMachineArn'),
        json_get_str(response_elements, 'loadBalancers', 0, 'loadBalancerArn'),
        json_get_str(response_elements, 'targetGroups', 0, 'targetGroupArn'), json_get_str(response_elements, 'id'),
        json_get_str(response_elements, 'hostedZone', 'id'))) END AS names
  FROM (
    SELECT
      *,
      event_source = 'ec2.amazonaws.com' AND (api LIKE 'Create%' OR api = 'RunInstances')
        AND api NOT IN ('CreateLaunchTemplateVersion', 'CreateNetworkAclEntry', 'CreateRoute', 'CreateTags') AS creates
    FROM made
  )
),
-- ARNs and addresses end with the name; the ARN of a secret has six more characters.
named AS (
  SELECT
    *,
    regexp_replace(regexp_replace(name, '^arn:.*:secret:(.*)-[0-9A-Za-z]{6}$', '\1'),
      '^(?:arn:.*[:/]|https?://.*/|/hostedzone/)', '') AS resource
  FROM (SELECT * EXCEPT (names), unnest(names) AS name FROM changes)
  WHERE name <> ''
    -- Nobody owns the policies that AWS manages.
    AND NOT regexp_like(name, '^arn:aws[a-z-]*:iam::aws:policy/')
    -- The answer of EC2 also names what was there before, such as the network of an instance.
    AND (NOT creates OR (regexp_like(name, '^[a-z]+-[0-9a-f]{8,17}$') AND CASE split_part(name, '-', 1)
      WHEN 'acl' THEN api = 'CreateNetworkAcl'
      WHEN 'ami' THEN api = 'CreateImage'
      WHEN 'i' THEN api IN ('CreateFleet', 'RunInstances')
      WHEN 'igw' THEN api = 'CreateInternetGateway'
      WHEN 'rtb' THEN api = 'CreateRouteTable'
      WHEN 'sg' THEN api = 'CreateSecurityGroup'
      WHEN 'snap' THEN api LIKE 'CreateSnapshot%'
      WHEN 'subnet' THEN api LIKE 'Create%Subnet'
      WHEN 'tgw' THEN api = 'CreateTransitGateway'
      WHEN 'vpc' THEN api LIKE 'Create%Vpc'
      ELSE TRUE END))
),
owned AS (
  SELECT account_id, event_source, resource, event_time, tool, actor
  FROM named
  WHERE is_code
),
manual AS (
  SELECT *
  FROM named
  WHERE event_time >= $from
    AND NOT is_code
    AND (coalesce(session_credential_from_console, FALSE) OR (tool = 'console' AND NOT by_service))
)
SELECT
  m.event_time,
  m.actor,
  m.account_id,
  m.aws_region,
  m.event_source,
  m.api,
  m.resource,
  first_value(o.tool ORDER BY o.event_time DESC) AS owned_by,
  first_value(o.actor ORDER BY o.event_time DESC) AS owner,
  max(o.event_time) AS last_change_by_owner,
  m.source_ip_address,
  left(m.request_parameters, 200) AS request,
  m.event_id
FROM manual AS m
JOIN owned AS o ON o.account_id = m.account_id AND o.event_source = m.event_source AND o.resource = m.resource
WHERE o.event_time < m.event_time
GROUP BY m.event_time, m.actor, m.account_id, m.aws_region, m.event_source, m.api, m.resource, m.source_ip_address,
  m.request_parameters, m.event_id
ORDER BY m.event_time, m.event_id, m.resource
LIMIT $rows
