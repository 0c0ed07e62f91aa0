-- What an identity called, for the policy of its actual use: one row per API, outcome and what the call names. Its
-- sessions count too, and calls that services made for it: they need its permission.
WITH made AS (
  SELECT
    event_source, aws_region, account_id, user_identity_arn,
    -- Another version of an object needs another permission.
    api || CASE WHEN event_source = 's3.amazonaws.com' AND json_get_str(request_parameters, 'versionId') IS NOT NULL
                THEN '?versionId' ELSE '' END AS api,
    CASE WHEN NOT failed THEN 'used' WHEN error_family = 'denied' THEN 'denied' ELSE 'failed' END AS outcome,
    -- What services do by themselves.
    coalesce(event_type IN ('AwsServiceEvent', 'AwsConsoleSignIn'), FALSE) AS is_no_call,
    CASE WHEN by_service THEN coalesce(invoked_by, source_ip_address) END AS via,
    -- The objects of a bucket are one resource.
    CASE WHEN event_source = 's3.amazonaws.com'
         THEN regexp_replace(resources, '(arn:[^":]*:s3:::[^"/\\]+)/(?:[^"\\]|\\.)*', '\1/*', 'g')
         ELSE resources END AS resources,
    json_get_str(request_parameters, 'bucketName') AS bucket,
    regexp_match(json_get_str(request_parameters, 'x-amz-copy-source'), '^/?([^/]+)/')[1] AS source_bucket,
    CASE WHEN event_source <> 's3.amazonaws.com' AND resources IS NULL THEN request_parameters END AS request,
    CASE WHEN is_change AND event_source NOT IN ('iam.amazonaws.com', 'sts.amazonaws.com')
              AND named_role LIKE '%:role/%' THEN named_role END AS passed_role
  FROM calls
  WHERE (actor = $entity OR user_identity_arn = $entity OR session_issuer_arn = $entity OR access_key_id = $entity)
    AND event_time >= $from AND event_time < $to
    AND event_source IS NOT NULL AND api IS NOT NULL
)
SELECT
  regexp_replace(event_source, '\.amazonaws\.com(\.cn)?$', '') AS service,
  api, outcome, is_no_call, via, resources, bucket, source_bucket, request, passed_role,
  account_id AS account,
  aws_region AS region,
  coalesce(nullif(split_part(user_identity_arn, ':', 2), ''), 'aws') AS partition,
  count(*) AS calls
FROM made
GROUP BY event_source, api, outcome, is_no_call, via, resources, bucket, source_bucket, request, passed_role,
  account_id, aws_region, coalesce(nullif(split_part(user_identity_arn, ':', 2), ''), 'aws')
