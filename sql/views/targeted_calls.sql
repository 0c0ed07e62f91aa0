-- Calls that name a resource of a kind of which an account has few: buckets, secrets, parameters by the first two parts
-- of their path, keys, roles, instances by family, functions and repositories that are changed. One row per call.
WITH named AS (
  SELECT
    *,
    CASE
      WHEN event_source = 's3.amazonaws.com' THEN 'bucket'
      WHEN event_source = 'secretsmanager.amazonaws.com' THEN 'secret'
      WHEN event_source = 'ssm.amazonaws.com' AND api LIKE '%Parameter%' THEN 'parameter'
      WHEN event_source = 'kms.amazonaws.com' THEN 'key'
      WHEN event_source IN ('iam.amazonaws.com', 'sts.amazonaws.com') THEN 'role'
      WHEN event_source = 'ec2.amazonaws.com'
        AND api IN ('RunInstances', 'RequestSpotInstances', 'CreateFleet', 'ModifyInstanceAttribute')
        THEN 'instance_type'
      WHEN event_source = 'lambda.amazonaws.com' AND (api LIKE 'Update%' OR api LIKE 'Put%' OR api LIKE 'Add%')
        THEN 'function'
      WHEN event_source = 'ecr.amazonaws.com' AND api = 'PutImage' THEN 'repository'
    END AS kind
  FROM identified_calls
  WHERE NOT by_service
    AND event_source IN ('s3.amazonaws.com', 'secretsmanager.amazonaws.com', 'ssm.amazonaws.com', 'kms.amazonaws.com',
      'iam.amazonaws.com', 'sts.amazonaws.com', 'ec2.amazonaws.com', 'lambda.amazonaws.com', 'ecr.amazonaws.com')
)
SELECT *
FROM (
  SELECT
    *,
    left(CASE kind
      WHEN 'bucket' THEN json_get_str(request_parameters, 'bucketName')
      -- By name or by ARN, which ends with six characters that AWS adds.
      WHEN 'secret' THEN regexp_replace(json_get_str(request_parameters, 'secretId'),
        '^arn:.*:secret:(.*)-[0-9A-Za-z]{6}$', '\1')
      WHEN 'parameter' THEN regexp_replace(coalesce(json_get_str(request_parameters, 'name'),
        json_get_str(request_parameters, 'path'), json_get_str(request_parameters, 'names', 0)),
        '^(/?[^/]+/[^/]+)/.*$', '\1')
      WHEN 'key' THEN regexp_replace(json_get_str(request_parameters, 'keyId'), '^arn:.*:(key|alias)/', '')
      WHEN 'role' THEN regexp_replace(coalesce(json_get_str(request_parameters, 'roleArn'),
        json_get_str(request_parameters, 'roleName')), '^arn:.*/', '')
      WHEN 'instance_type' THEN split_part(json_get_str(request_parameters, 'instanceType'), '.', 1)
      -- By name or by ARN.
      WHEN 'function' THEN regexp_replace(json_get_str(request_parameters, 'functionName'), '^arn:.*:function:', '')
      WHEN 'repository' THEN json_get_str(request_parameters, 'repositoryName')
    END, 256) AS target
  FROM named
  WHERE kind IS NOT NULL
)
WHERE target <> ''
