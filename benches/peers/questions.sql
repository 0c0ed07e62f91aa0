-- What analysts ask of CloudTrail in a database without trailhunt: the questions of its detectors, as far as plain SQL
-- answers them. The same text runs in ClickHouse and DuckDB over the view `calls` of backfill.py. History is walked
-- forward where a question compares with the days before. Each begins with a line "-- name:".

-- new_api:
SELECT actor, source, api, min(day) AS first_day, count(*) AS calls
FROM calls
GROUP BY actor, source, api
HAVING min(day) > (SELECT min(day) FROM calls) + 7;

-- new_address:
SELECT actor, address, min(day) AS first_day, count(*) AS calls
FROM calls
GROUP BY actor, address
HAVING min(day) > (SELECT min(day) FROM calls) + 7;

-- new_client:
SELECT actor, client, min(day) AS first_day, count(*) AS calls
FROM calls
GROUP BY actor, client
HAVING min(day) > (SELECT min(day) FROM calls) + 7;

-- new_region:
SELECT account, region, min(day) AS first_day, count(*) AS calls
FROM calls
WHERE changes
GROUP BY account, region
HAVING min(day) > (SELECT min(day) FROM calls) + 7;

-- new_account:
SELECT actor, account, min(day) AS first_day, count(*) AS calls
FROM calls
WHERE account <> own_account
GROUP BY actor, account
HAVING min(day) > (SELECT min(day) FROM calls) + 7;

-- call_rate:
SELECT actor, hour, calls, mean, deviation
FROM (
  SELECT
    actor, hour, calls,
    avg(calls) OVER earlier AS mean, stddev_samp(calls) OVER earlier AS deviation, count(*) OVER earlier AS hours_before
  FROM (SELECT actor, hour, count(*) AS calls FROM calls GROUP BY actor, hour) AS hourly
  WINDOW earlier AS (PARTITION BY actor ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS scored
WHERE hours_before >= 24 AND calls >= 20 AND calls > mean + 6 * deviation;

-- error_rate:
SELECT actor, day, failures, mean, deviation
FROM (
  SELECT
    actor, day, failures,
    avg(failures) OVER earlier AS mean, stddev_samp(failures) OVER earlier AS deviation,
    count(*) OVER earlier AS days_before
  FROM (SELECT actor, day, count(error) AS failures FROM calls GROUP BY actor, day) AS daily
  WINDOW earlier AS (PARTITION BY actor ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS scored
WHERE days_before >= 5 AND failures >= 10 AND failures > mean + 6 * deviation;

-- denied_apis:
SELECT actor, hour, count(DISTINCT api) AS apis
FROM calls
WHERE denied
GROUP BY actor, hour
HAVING count(DISTINCT api) >= 10;

-- sensitive_calls:
SELECT actor, day, source, api, calls, days_before
FROM (
  SELECT *, count(*) OVER (
    PARTITION BY actor, source, api ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before
  FROM (
    SELECT actor, day, source, api, count(*) AS calls
    FROM calls
    WHERE (source, api) IN (
      ('iam.amazonaws.com', 'CreateAccessKey'), ('iam.amazonaws.com', 'CreateLoginProfile'),
      ('iam.amazonaws.com', 'CreateUser'), ('iam.amazonaws.com', 'AttachUserPolicy'),
      ('iam.amazonaws.com', 'AttachRolePolicy'), ('iam.amazonaws.com', 'PutUserPolicy'),
      ('iam.amazonaws.com', 'PutRolePolicy'), ('iam.amazonaws.com', 'UpdateAssumeRolePolicy'),
      ('kms.amazonaws.com', 'PutKeyPolicy'), ('kms.amazonaws.com', 'ScheduleKeyDeletion'),
      ('kms.amazonaws.com', 'DisableKey'), ('s3.amazonaws.com', 'PutBucketPolicy'), ('s3.amazonaws.com', 'PutBucketAcl'),
      ('s3.amazonaws.com', 'DeleteBucketPublicAccessBlock'), ('cloudtrail.amazonaws.com', 'StopLogging'),
      ('cloudtrail.amazonaws.com', 'DeleteTrail'), ('ec2.amazonaws.com', 'AuthorizeSecurityGroupIngress'),
      ('ec2.amazonaws.com', 'ModifySnapshotAttribute'))
    GROUP BY actor, day, source, api
  ) AS daily
) AS counted
WHERE days_before < 3;

-- secrets:
SELECT actor, hour, secrets, most_before
FROM (
  SELECT actor, hour, secrets, max(secrets) OVER (
    PARTITION BY actor ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS most_before
  FROM (
    SELECT actor, hour, count(DISTINCT secret) AS secrets
    FROM calls
    WHERE api IN ('GetSecretValue', 'BatchGetSecretValue', 'GetParameter', 'GetParameters', 'GetParametersByPath')
    GROUP BY actor, hour
  ) AS hourly
) AS compared
WHERE secrets >= 3 AND secrets > 2 * coalesce(most_before, 0);

-- bucket_reads:
SELECT actor, bucket, day, reads, mean, deviation
FROM (
  SELECT
    actor, bucket, day, reads,
    avg(reads) OVER earlier AS mean, stddev_samp(reads) OVER earlier AS deviation, count(*) OVER earlier AS days_before
  FROM (
    SELECT actor, bucket, day, count(*) AS reads
    FROM calls
    WHERE source = 's3.amazonaws.com' AND api IN ('GetObject', 'SelectObjectContent', 'CopyObject') AND error IS NULL
    GROUP BY actor, bucket, day
  ) AS daily
  WINDOW earlier AS (PARTITION BY actor, bucket ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS scored
WHERE days_before >= 5 AND reads >= 20 AND reads > mean + 6 * deviation;

-- key_from_two_networks:
SELECT access_key, hour, count(DISTINCT network) AS networks
FROM calls
WHERE access_key IS NOT NULL AND network <> ''
GROUP BY access_key, hour
HAVING count(DISTINCT network) > 1;

-- role_assumptions:
SELECT actor, role, min(day) AS first_day, count(*) AS calls
FROM calls
WHERE source = 'sts.amazonaws.com' AND api IN ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
GROUP BY actor, role
HAVING min(day) > (SELECT min(day) FROM calls) + 7;

-- sign_in_without_mfa:
SELECT actor, day, count(*) AS sign_ins
FROM calls
WHERE source = 'signin.amazonaws.com' AND api = 'ConsoleLogin' AND used_mfa = 'No' AND kind IN ('IAMUser', 'Root')
GROUP BY actor, day;

-- root_use:
SELECT account, day, source, api, count(*) AS calls
FROM calls
WHERE kind = 'Root'
GROUP BY account, day, source, api;
