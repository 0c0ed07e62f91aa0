-- Calls that change who may do what or who can see what: one row per call, with a category and the other accounts
-- that get access. Failed calls are included; `failed` distinguishes them. Calls that a service or an agent made for
-- somebody count too: `actor` is then who asked it, and `through` the service or agent.
WITH listed AS (
  SELECT
    * EXCEPT (is_change),
    coalesce(request_parameters, '') AS asked_for,
    -- What the call is about, where it names it.
    coalesce(
      json_get_str(request_parameters, 'userName'), json_get_str(request_parameters, 'roleName'),
      json_get_str(request_parameters, 'policyArn'), json_get_str(request_parameters, 'policyName'),
      json_get_str(request_parameters, 'keyId'), json_get_str(request_parameters, 'bucketName'),
      json_get_str(request_parameters, 'snapshotId'), json_get_str(request_parameters, 'imageId'),
      json_get_str(request_parameters, 'permissionSetArn'), json_get_str(request_parameters, 'groupId'),
      json_get_str(request_parameters, 'functionName'), json_get_str(request_parameters, 'dBSnapshotIdentifier'),
      json_get_str(request_parameters, 'name'), json_get_str(request_parameters, 'policyId'), named_role) AS target,
    -- The policy in the request. Permissions and trust are in one member or the other.
    coalesce(
      json_get_str(request_parameters, 'policyDocument'), json_get_str(request_parameters, 'assumeRolePolicyDocument'),
      json_get_str(request_parameters, 'inlinePolicy'), json_as_text(request_parameters, 'bucketPolicy'),
      json_get_str(request_parameters, 'policyText'), json_get_str(request_parameters, 'resourcePolicy'),
      json_get_str(request_parameters, 'policy'), json_get_str(request_parameters, 'accessPolicies'),
      json_get_str(request_parameters, 'policyInJson'), json_get_str(request_parameters, 'accessPolicy'),
      json_get_str(request_parameters, 'attributeValue'), json_get_str(request_parameters, 'attributes', 'Policy'))
      AS policy,
    CASE WHEN by_service OR agent IS NOT NULL THEN coalesce(invoked_by, source_ip_address) END AS through
  FROM identified_calls
  WHERE (read_only IS NOT TRUE OR event_source = 'sts.amazonaws.com')
    -- Services that act for themselves, with a role of their own.
    AND (user_identity_type IS DISTINCT FROM 'AWSService')
    AND coalesce(session_issuer_arn NOT LIKE '%:role/aws-service-role/%', TRUE)
    AND in_api_list('sensitive', event_source, event_name)
),
-- Calls of a role that a service assumed, such as a stack's: who last gave the role to the service that day.
requested AS (
  SELECT
    l.event_id, l.event_time,
    first_value(r.actor ORDER BY r.event_time DESC, r.actor) AS requested_by
  FROM listed AS l
  JOIN identified_calls AS r ON r.event_source = l.through AND r.named_role = l.session_issuer_arn
    AND r.event_date = l.event_date AND r.event_time <= l.event_time
  WHERE l.by_service AND NOT r.by_service AND NOT r.failed AND r.read_only IS NOT TRUE
  GROUP BY l.event_id, l.event_time
),
asked AS (
  SELECT l.* EXCEPT (actor), coalesce(r.requested_by, l.actor) AS actor, policy_risk(l.policy) AS risk
  FROM listed AS l
  LEFT JOIN requested AS r ON r.event_id = l.event_id AND r.event_time = l.event_time
),
-- The accounts that get access, other than the resource's own. Services create grants for their own use of a key.
handed AS (
  SELECT *, nullif(array_to_string(array_remove(string_to_array(accounts, ','), account_id), ','), '') AS shared_with
  FROM (
    SELECT
      *,
      CASE WHEN in_api_list('sensitive.shares', event_source, event_name) AND NOT (api = 'CreateGrant' AND by_service)
           THEN shared_accounts(request_parameters) END AS accounts
    FROM asked
  )
),
categorised AS (
  SELECT
    *,
    CASE
      -- CloudTrail leaves out requests above 100 KB. No policy needs that much: IAM's own limits are lower, but do not
      -- count white space.
      WHEN json_as_text(request_parameters, 'omitted') = 'true' AND (api LIKE '%Polic%' OR api LIKE '%Role')
        THEN 'policy hidden by its size'
      -- Full administration, or the means to get it.
      WHEN in_api_list('sensitive.changes_permissions', event_source, event_name)
        AND (is_administrator_policy(coalesce(
            json_get_str(request_parameters, 'policyArn'), json_get_str(request_parameters, 'managedPolicyArn')))
          OR json_get_str(request_parameters, 'policyArn') LIKE '%AmazonEKSClusterAdminPolicy'
          OR risk IN ('administrator', 'iam', 'power'))
        THEN 'administrator granted'
      WHEN in_api_list('sensitive.changes_permissions', event_source, event_name) AND risk = 'escalation'
        THEN 'escalation granted'
      -- A task of root in a member account; the audit only reads.
      WHEN api = 'AssumeRoot'
        THEN CASE WHEN asked_for NOT LIKE '%:policy/root-task/IAMAuditRootUserCredentials%'
          THEN 'root session created' END
      -- Credentials that outlast a password change.
      WHEN in_api_list('sensitive.creates_credentials', event_source, event_name) THEN 'credentials created'
      WHEN in_api_list('sensitive.creates_users', event_source, event_name) THEN 'user created'
      WHEN in_api_list('sensitive.changes_trust', event_source, event_name) THEN 'trust changed'
      WHEN api = 'CreateRole' AND (shared_with IS NOT NULL OR risk IN ('public', 'organisation')) THEN 'trust changed'
      WHEN in_api_list('sensitive.removes_protection', event_source, event_name) THEN 'protection removed'
      WHEN in_api_list('sensitive.gives_role', event_source, event_name) THEN 'role given to a machine'
      WHEN in_api_list('sensitive.changes_permissions', event_source, event_name) AND api <> 'CreatePolicy'
        THEN 'permissions changed'
      -- Without the key the data is lost.
      WHEN in_api_list('sensitive.disables_keys', event_source, event_name) THEN 'key disabled'
      -- Data opened to others.
      WHEN in_api_list('sensitive.shares', event_source, event_name) AND risk = 'public' THEN 'opened to everyone'
      WHEN event_source = 'kms.amazonaws.com' AND api = 'PutKeyPolicy' THEN 'key policy changed'
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
      -- Permissions for everyone may be limited to an organisation.
      WHEN ((event_source = 'lambda.amazonaws.com' AND api IN ('AddPermission', 'AddLayerVersionPermission'))
          OR (event_source = 'events.amazonaws.com' AND api = 'PutPermission'))
        AND json_get_str(request_parameters, 'principal') = '*'
        AND NOT regexp_like(asked_for, '(?i)"(principalOrgID|organizationId|condition)"\s*:\s*["{]')
        THEN 'opened to everyone'
      WHEN api = 'PutBucketPolicy' THEN 'bucket policy changed'
      WHEN shared_with IS NOT NULL THEN 'shared with an account'
      -- A function's address or an identity pool that needs no sign-in.
      WHEN api IN ('CreateFunctionUrlConfig', 'UpdateFunctionUrlConfig')
        AND json_get_str(request_parameters, 'authType') = 'NONE'
        THEN 'network opened to everyone'
      WHEN api IN ('CreateIdentityPool', 'UpdateIdentityPool')
        AND json_as_text(request_parameters, 'allowUnauthenticatedIdentities') = 'true'
        THEN 'network opened to everyone'
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
SELECT * EXCEPT (policy)
FROM categorised
WHERE category IS NOT NULL
