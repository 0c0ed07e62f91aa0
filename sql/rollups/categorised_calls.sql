-- Calls that change who may do what or who can see what, judged by what they ask for: one row a call, with a category and
-- the other accounts it lets in. Failed attempts are there too; `failed` tells.
WITH asked AS (
  SELECT
    *,
    event_source || ':' || api AS what,
    coalesce(request_parameters, '') AS asked_for,
    -- What it was about, where the call names it.
    coalesce(
      json_get_str(request_parameters, 'userName'), json_get_str(request_parameters, 'roleName'), json_get_str(request_parameters, 'policyArn'),
      json_get_str(request_parameters, 'policyName'), json_get_str(request_parameters, 'keyId'), json_get_str(request_parameters, 'bucketName'),
      json_get_str(request_parameters, 'snapshotId'), json_get_str(request_parameters, 'imageId'), json_get_str(request_parameters, 'groupId'),
      json_get_str(request_parameters, 'functionName'), json_get_str(request_parameters, 'dBSnapshotIdentifier')) AS target
  FROM calls
  WHERE NOT by_service
    AND read_only IS NOT TRUE
    AND event_source IN ('iam.amazonaws.com', 'kms.amazonaws.com', 's3.amazonaws.com', 'ec2.amazonaws.com', 'rds.amazonaws.com',
      'lambda.amazonaws.com', 'ssm.amazonaws.com', 'ecr.amazonaws.com', 'secretsmanager.amazonaws.com', 'sts.amazonaws.com',
      'rolesanywhere.amazonaws.com', 'sns.amazonaws.com', 'sqs.amazonaws.com', 'events.amazonaws.com', 'backup.amazonaws.com',
      'glacier.amazonaws.com', 'elasticfilesystem.amazonaws.com', 'ram.amazonaws.com', 'dynamodb.amazonaws.com')
),
-- The accounts that are let in, other than the one it belongs to.
handed AS (
  SELECT *, nullif(array_to_string(array_remove(string_to_array(accounts, ','), account_id), ','), '') AS shared_with
  FROM (
    SELECT
      *,
      CASE
        WHEN api IN ('UpdateAssumeRolePolicy', 'CreateRole', 'PutBucketPolicy', 'PutAccessPointPolicy', 'PutBucketReplication', 'PutKeyPolicy',
          'CreateKey', 'CreateGrant', 'SetRepositoryPolicy', 'PutRegistryPolicy', 'PutResourcePolicy', 'CreateSecret', 'AddPermission',
          'AddLayerVersionPermission', 'SetTopicAttributes', 'SetQueueAttributes', 'PutPermission', 'PutBackupVaultAccessPolicy',
          'PutVaultAccessPolicy', 'PutFileSystemPolicy', 'CreateResourceShare', 'AssociateResourceShare', 'ModifySnapshotAttribute',
          'ModifyImageAttribute', 'ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute', 'ModifyDocumentPermission')
          THEN shared_accounts(request_parameters)
      END AS accounts
    FROM asked
  )
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
      -- Ways in that outlast a password change.
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile',
        'CreateServiceSpecificCredential', 'ResetServiceSpecificCredential', 'UploadSigningCertificate', 'UploadSSHPublicKey')
        THEN 'credentials created'
      WHEN event_source = 'iam.amazonaws.com' AND api = 'CreateUser' THEN 'user created'
      WHEN api IN ('UpdateAssumeRolePolicy', 'CreateSAMLProvider', 'UpdateSAMLProvider', 'CreateOpenIDConnectProvider',
        'UpdateOpenIDConnectProviderThumbprint', 'AddClientIDToOpenIDConnectProvider')
        OR (event_source = 'rolesanywhere.amazonaws.com' AND api IN ('CreateTrustAnchor', 'CreateProfile'))
        THEN 'trust changed'
      WHEN api = 'CreateRole' AND (shared_with IS NOT NULL OR policy_risk(json_get_str(request_parameters, 'assumeRolePolicyDocument')) = 'public')
        THEN 'trust changed'
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
      WHEN event_source = 'lambda.amazonaws.com' AND api IN ('AddPermission', 'AddLayerVersionPermission')
        AND json_get_str(request_parameters, 'principal') = '*' THEN 'opened to everyone'
      WHEN api IN ('SetRepositoryPolicy', 'PutResourcePolicy') AND policy_risk(coalesce(json_get_str(request_parameters, 'policyText'), json_get_str(request_parameters, 'resourcePolicy'))) = 'public'
        THEN 'opened to everyone'
      WHEN api = 'PutBucketPolicy' THEN 'bucket policy changed'
      WHEN shared_with IS NOT NULL THEN 'shared with an account'
      WHEN api IN ('AuthorizeSecurityGroupIngress', 'ModifySecurityGroupRules') 
        -- A prefix of no bits is everyone, whatever address stands before it.
        AND regexp_like(asked_for, '"[0-9A-Fa-f.:]+/0"')
        -- A web server is meant for everyone: what is left without ports 80 and 443 is not.
        AND (regexp_like(asked_for, '"ipProtocol"\s*:\s*"?-1') OR regexp_replace(asked_for, '"(fromPort|toPort)"\s*:\s*"?(80|443)\b', '', 'g') LIKE '%Port"%')
        THEN 'network opened to everyone'
    END AS category
  FROM handed
)
SELECT *
FROM categorised
WHERE category IS NOT NULL
