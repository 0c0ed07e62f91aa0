-- Calls that change who may do what or who can see what: one row per call, with a category and the other accounts
-- that get access. Failed calls are included; `failed` distinguishes them.
WITH asked AS (
  SELECT
    * EXCEPT (is_change, named_role),
    event_source || ':' || api AS what,
    coalesce(request_parameters, '') AS asked_for,
    -- What the call is about, where it names it.
    coalesce(
      json_get_str(request_parameters, 'userName'), json_get_str(request_parameters, 'roleName'),
      json_get_str(request_parameters, 'policyArn'), json_get_str(request_parameters, 'policyName'),
      json_get_str(request_parameters, 'keyId'), json_get_str(request_parameters, 'bucketName'),
      json_get_str(request_parameters, 'snapshotId'), json_get_str(request_parameters, 'imageId'),
      json_get_str(request_parameters, 'groupId'), json_get_str(request_parameters, 'functionName'),
      json_get_str(request_parameters, 'dBSnapshotIdentifier')) AS target
  FROM calls
  WHERE NOT by_service
    AND read_only IS NOT TRUE
    AND event_source IN ('backup.amazonaws.com', 'dynamodb.amazonaws.com', 'ec2.amazonaws.com', 'ecr.amazonaws.com',
      'elasticfilesystem.amazonaws.com', 'events.amazonaws.com', 'glacier.amazonaws.com', 'iam.amazonaws.com',
      'kms.amazonaws.com', 'lambda.amazonaws.com', 'ram.amazonaws.com', 'rds.amazonaws.com',
      'rolesanywhere.amazonaws.com', 's3.amazonaws.com', 'secretsmanager.amazonaws.com', 'sns.amazonaws.com',
      'sqs.amazonaws.com', 'ssm.amazonaws.com', 'sts.amazonaws.com')
),
-- The accounts that get access, other than the resource's own.
handed AS (
  SELECT *, nullif(array_to_string(array_remove(string_to_array(accounts, ','), account_id), ','), '') AS shared_with
  FROM (
    SELECT
      *,
      CASE
        WHEN api IN ('AddLayerVersionPermission', 'AddPermission', 'AssociateResourceShare', 'CreateGrant', 'CreateKey',
          'CreateResourceShare', 'CreateRole', 'CreateSecret', 'ModifyDBClusterSnapshotAttribute',
          'ModifyDBSnapshotAttribute', 'ModifyDocumentPermission', 'ModifyImageAttribute', 'ModifySnapshotAttribute',
          'PutAccessPointPolicy', 'PutBackupVaultAccessPolicy', 'PutBucketPolicy', 'PutBucketReplication',
          'PutFileSystemPolicy', 'PutKeyPolicy', 'PutPermission', 'PutRegistryPolicy', 'PutResourcePolicy',
          'PutVaultAccessPolicy', 'SetQueueAttributes', 'SetRepositoryPolicy', 'SetTopicAttributes',
          'UpdateAssumeRolePolicy')
          THEN shared_accounts(request_parameters)
      END AS accounts
    FROM asked
  )
),
categorised AS (
  SELECT
    *,
    CASE
      -- Full administration, or the means to get it.
      WHEN api IN ('AttachUserPolicy', 'AttachRolePolicy', 'AttachGroupPolicy')
        AND is_administrator_policy(json_get_str(request_parameters, 'policyArn'))
        THEN 'administrator granted'
      WHEN api IN ('PutUserPolicy', 'PutRolePolicy', 'PutGroupPolicy', 'CreatePolicy', 'CreatePolicyVersion')
        AND policy_risk(json_get_str(request_parameters, 'policyDocument')) IS NOT NULL
        THEN 'administrator granted'
      -- Credentials that outlast a password change.
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile',
        'CreateServiceSpecificCredential', 'ResetServiceSpecificCredential', 'UploadSigningCertificate',
        'UploadSSHPublicKey')
        THEN 'credentials created'
      WHEN event_source = 'iam.amazonaws.com' AND api = 'CreateUser' THEN 'user created'
      WHEN api IN ('UpdateAssumeRolePolicy', 'CreateSAMLProvider', 'UpdateSAMLProvider', 'CreateOpenIDConnectProvider',
        'UpdateOpenIDConnectProviderThumbprint', 'AddClientIDToOpenIDConnectProvider')
        OR (event_source = 'rolesanywhere.amazonaws.com' AND api IN ('CreateTrustAnchor', 'CreateProfile'))
        THEN 'trust changed'
      WHEN api = 'CreateRole' AND (shared_with IS NOT NULL
        OR policy_risk(json_get_str(request_parameters, 'assumeRolePolicyDocument')) = 'public')
        THEN 'trust changed'
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('DeactivateMFADevice', 'DeleteVirtualMFADevice',
        'DeleteAccountPasswordPolicy', 'DeleteUserPermissionsBoundary', 'DeleteRolePermissionsBoundary')
        THEN 'protection removed'
      WHEN event_source = 'iam.amazonaws.com' AND api IN ('AttachUserPolicy', 'PutUserPolicy', 'AttachRolePolicy',
        'PutRolePolicy', 'AttachGroupPolicy', 'PutGroupPolicy', 'SetDefaultPolicyVersion', 'CreatePolicyVersion')
        THEN 'permissions changed'
      -- Without the key the data is lost.
      WHEN event_source = 'kms.amazonaws.com' AND api IN ('ScheduleKeyDeletion', 'DisableKey',
        'DeleteImportedKeyMaterial', 'DeleteCustomKeyStore')
        THEN 'key disabled'
      WHEN event_source = 'kms.amazonaws.com' AND api = 'PutKeyPolicy' THEN 'key policy changed'
      -- Data opened to others.
      WHEN api = 'PutBucketPolicy'
        AND policy_risk(coalesce(json_as_text(request_parameters, 'bucketPolicy'), '')) = 'public'
        THEN 'opened to everyone'
      WHEN api IN ('PutBucketAcl', 'PutObjectAcl')
        AND (asked_for LIKE '%acs.amazonaws.com/groups/global/A%' OR asked_for LIKE '%public-read%')
        THEN 'opened to everyone'
      WHEN api = 'DeleteBucketPublicAccessBlock' OR api = 'DeleteAccountPublicAccessBlock'
        OR (api IN ('PutBucketPublicAccessBlock', 'PutAccountPublicAccessBlock') AND regexp_like(asked_for,
          '(?i)(BlockPublicPolicy|RestrictPublicBuckets|BlockPublicAcls|IgnorePublicAcls)"\s*:\s*"?false'))
        THEN 'opened to everyone'
      WHEN api IN ('ModifySnapshotAttribute', 'ModifyImageAttribute', 'ModifyDBSnapshotAttribute',
          'ModifyDBClusterSnapshotAttribute', 'ModifyDocumentPermission')
        AND (regexp_like(asked_for, '(?i)"(valuesToAdd|accountIdsToAdd)"\s*:\s*\[?\s*"all"')
          OR regexp_like(asked_for, '(?i)"add"\s*:\s*\{\s*"items"\s*:\s*\[[^\]]*"group"\s*:\s*"all"'))
        THEN 'opened to everyone'
      WHEN event_source = 'lambda.amazonaws.com' AND api IN ('AddPermission', 'AddLayerVersionPermission')
        AND json_get_str(request_parameters, 'principal') = '*'
        THEN 'opened to everyone'
      WHEN api IN ('SetRepositoryPolicy', 'PutResourcePolicy') AND policy_risk(coalesce(
        json_get_str(request_parameters, 'policyText'), json_get_str(request_parameters, 'resourcePolicy'))) = 'public'
        THEN 'opened to everyone'
      WHEN api = 'PutBucketPolicy' THEN 'bucket policy changed'
      WHEN shared_with IS NOT NULL THEN 'shared with an account'
      WHEN api IN ('AuthorizeSecurityGroupIngress', 'ModifySecurityGroupRules')
        -- A prefix length of 0 matches every address.
        AND regexp_like(asked_for, '"[0-9A-Fa-f.:]+/0"')
        -- Web servers are open to everyone: a rule counts when it has all protocols, or a port other than 80 and 443.
        AND (regexp_like(asked_for, '"ipProtocol"\s*:\s*"?-1')
          OR regexp_replace(asked_for, '"(fromPort|toPort)"\s*:\s*"?(80|443)\b', '', 'g') LIKE '%Port"%')
        THEN 'network opened to everyone'
    END AS category
  FROM handed
)
SELECT *
FROM categorised
WHERE category IS NOT NULL
