-- Calls that change who may do what or who can see what, judged by what they ask for: one row a call, with a category.
-- Failed attempts are there too; `failed` tells.
WITH asked AS (
  SELECT
    *,
    event_source || ':' || api AS what,
    coalesce(request_parameters, '') AS asked_for
  FROM calls
  WHERE NOT by_service
    AND read_only IS NOT TRUE
    AND event_source IN ('iam.amazonaws.com', 'kms.amazonaws.com', 's3.amazonaws.com', 'ec2.amazonaws.com', 'rds.amazonaws.com',
      'lambda.amazonaws.com', 'ssm.amazonaws.com', 'ecr.amazonaws.com', 'secretsmanager.amazonaws.com', 'sts.amazonaws.com',
      'rolesanywhere.amazonaws.com')
),
-- The account a snapshot or image is handed to; our own are not outside.
handed AS (
  SELECT asked.*, ours.account_id IS NOT NULL AS shared_with_us
  FROM (
    SELECT *, regexp_match(asked_for, '"add"\s*:\s*\{\s*"items"\s*:\s*\[\s*\{\s*"userId"\s*:\s*"([0-9]{12})"')[1] AS shared_with
    FROM asked
  ) AS asked
  LEFT JOIN own_account AS ours ON ours.account_id = asked.shared_with
),
categorised AS (
  SELECT
    *,
    CASE
      -- Somebody is given everything.
      WHEN api IN ('AttachUserPolicy', 'AttachRolePolicy', 'AttachGroupPolicy')
        AND regexp_like(json_get_str(request_parameters, 'policyArn'), ':aws:policy/(AdministratorAccess|IAMFullAccess|PowerUserAccess)$')
        THEN 'administrator granted'
      WHEN api IN ('PutUserPolicy', 'PutRolePolicy', 'PutGroupPolicy', 'CreatePolicy', 'CreatePolicyVersion')
        AND policy_risk(json_get_str(request_parameters, 'policyDocument')) IS NOT NULL
        THEN 'administrator granted'
      WHEN event_source = 'iam.amazonaws.com' AND api = 'AddUserToGroup'
        AND regexp_like(json_get_str(request_parameters, 'groupName'), '(?i)admin') THEN 'administrator granted'
      -- Ways in that outlast a password change.
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile',
        'CreateServiceSpecificCredential', 'ResetServiceSpecificCredential', 'UploadSigningCertificate', 'UploadSSHPublicKey')
        THEN 'credentials created'
      WHEN event_source = 'iam.amazonaws.com' AND api = 'CreateUser' THEN 'user created'
      WHEN api IN ('UpdateAssumeRolePolicy', 'CreateSAMLProvider', 'UpdateSAMLProvider', 'CreateOpenIDConnectProvider',
        'UpdateOpenIDConnectProviderThumbprint', 'AddClientIDToOpenIDConnectProvider')
        OR (event_source = 'rolesanywhere.amazonaws.com' AND api IN ('CreateTrustAnchor', 'CreateProfile'))
        THEN 'trust changed'
      WHEN api IN ('CreateRole') AND policy_risk(json_get_str(request_parameters, 'assumeRolePolicyDocument')) = 'public' THEN 'trust changed'
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('DeactivateMFADevice', 'DeleteVirtualMFADevice', 'DeleteAccountPasswordPolicy',
        'DeleteUserPermissionsBoundary', 'DeleteRolePermissionsBoundary')
        THEN 'protection removed'
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('AttachUserPolicy', 'PutUserPolicy', 'SetDefaultPolicyVersion', 'CreatePolicyVersion',
        'AttachRolePolicy', 'PutRolePolicy', 'AttachGroupPolicy', 'PutGroupPolicy')
        THEN 'permissions changed'
      -- Keys whose loss is the loss of data.
      WHEN event_source = 'kms.amazonaws.com' AND api IN ('ScheduleKeyDeletion', 'DisableKey', 'DeleteImportedKeyMaterial', 'DeleteCustomKeyStore')
        THEN 'key disabled'
      WHEN event_source = 'kms.amazonaws.com' AND api = 'PutKeyPolicy' THEN 'key policy changed'
      -- Data handed outside.
      WHEN api = 'PutBucketPolicy' AND policy_risk(coalesce(json_as_text(request_parameters, 'bucketPolicy'), '')) = 'public'
        THEN 'opened to everyone'
      WHEN api IN ('PutBucketAcl', 'PutObjectAcl') AND (asked_for LIKE '%acs.amazonaws.com/groups/global/A%' OR asked_for LIKE '%public-read%')
        THEN 'opened to everyone'
      WHEN api = 'DeleteBucketPublicAccessBlock' OR api = 'DeleteAccountPublicAccessBlock'
        OR (api IN ('PutBucketPublicAccessBlock', 'PutAccountPublicAccessBlock') AND regexp_like(asked_for, '(?i)(BlockPublicPolicy|RestrictPublicBuckets|BlockPublicAcls|IgnorePublicAcls)"\s*:\s*"?false'))
        THEN 'opened to everyone'
      WHEN api IN ('ModifySnapshotAttribute', 'ModifyImageAttribute', 'ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute',
          'ModifyDocumentPermission')
        AND regexp_like(asked_for, '(?i)"(valuesToAdd|accountIdsToAdd)"\s*:\s*\[?\s*"all"|"add"\s*:\s*\{\s*"items"\s*:\s*\[[^\]]*"group"\s*:\s*"all"')
        THEN 'opened to everyone'
      WHEN api IN ('ModifySnapshotAttribute', 'ModifyImageAttribute') AND shared_with IS NOT NULL AND NOT shared_with_us THEN 'shared outside'
      WHEN api IN ('ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute') AND regexp_like(asked_for, '"valuesToAdd"\s*:\s*\[\s*"[0-9]') THEN 'shared outside'
      WHEN api = 'ModifyDocumentPermission' AND asked_for LIKE '%accountIdsToAdd%' THEN 'shared outside'
      WHEN event_source = 'lambda.amazonaws.com' AND api IN ('AddPermission', 'AddLayerVersionPermission')
        AND json_get_str(request_parameters, 'principal') = '*' THEN 'opened to everyone'
      WHEN event_source = 'lambda.amazonaws.com' AND api IN ('AddPermission', 'AddLayerVersionPermission')
        AND regexp_like(json_get_str(request_parameters, 'principal'), '[0-9]{12}') THEN 'shared outside'
      WHEN api IN ('SetRepositoryPolicy', 'PutResourcePolicy') AND policy_risk(coalesce(json_get_str(request_parameters, 'policyText'), json_get_str(request_parameters, 'resourcePolicy'))) = 'public'
        THEN 'opened to everyone'
      WHEN api = 'PutBucketPolicy' THEN 'bucket policy changed'
      WHEN api IN ('AuthorizeSecurityGroupIngress', 'ModifySecurityGroupRules') 
        -- A prefix of no bits is everyone, whatever address stands before it.
        AND regexp_like(asked_for, '"[0-9A-Fa-f.:]+/0"')
        -- A web server is meant for everyone: what is left without ports 80 and 443 is not.
        AND (regexp_like(asked_for, '"ipProtocol"\s*:\s*"?-1') OR regexp_replace(asked_for, '"(fromPort|toPort)"\s*:\s*"?(80|443)\b', '', 'g') LIKE '%Port"%')
        THEN 'network opened to everyone'
    END AS category
  FROM handed
)
SELECT
  *,
  CASE category
    WHEN 'administrator granted' THEN 'T1098.003'
    WHEN 'credentials created' THEN 'T1098.001'
    WHEN 'user created' THEN 'T1136.003'
    WHEN 'trust changed' THEN 'T1484.002'
    WHEN 'protection removed' THEN 'T1556.006'
    WHEN 'permissions changed' THEN 'T1098.003'
    WHEN 'key disabled' THEN 'T1485'
    WHEN 'key policy changed' THEN 'T1098.003'
    WHEN 'opened to everyone' THEN 'T1530'
    WHEN 'shared outside' THEN 'T1537'
    WHEN 'bucket policy changed' THEN 'T1098.003'
    WHEN 'network opened to everyone' THEN 'T1562.007'
  END AS technique,
  -- How bad when it is not meant: 3 is a door wide open, 1 is daily work of some.
  CASE category
    WHEN 'administrator granted' THEN 3
    WHEN 'opened to everyone' THEN 3
    WHEN 'shared outside' THEN 3
    WHEN 'key disabled' THEN 3
    WHEN 'trust changed' THEN 2
    WHEN 'protection removed' THEN 2
    WHEN 'credentials created' THEN 2
    WHEN 'network opened to everyone' THEN 2
    ELSE 1
  END AS weight
FROM categorised
WHERE category IS NOT NULL
