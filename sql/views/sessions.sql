-- One row per temporary credential: who is behind it, how that is known, and what was done with it.
SELECT
  o.credential,
  o.origin,
  CASE
    WHEN o.origin = 'unknown' THEN 'unknown'
    WHEN o.origin LIKE 'arn:%:iam::%:root' THEN 'root'
    WHEN o.origin LIKE 'arn:%:iam::%:user/%' THEN 'user'
    WHEN o.origin LIKE 'arn:%:iam::%' OR o.origin LIKE 'arn:%:sts::%' THEN 'role'
    WHEN o.origin LIKE 'CN=%' OR o.origin LIKE 'arn:%:rolesanywhere:%' THEN 'certificate'
    WHEN o.origin LIKE 'arn:%' THEN 'workload'
    WHEN o.origin LIKE 'system:serviceaccount:%' THEN 'service account'
    WHEN is_service_caller(o.origin) THEN 'service'
    ELSE 'federated'
  END AS origin_kind,
  string_to_array(o.path, chr(10)) AS path,
  string_to_array(o.links, chr(10)) AS links,
  o.unknown_because,
  o.issued_by,
  CASE WHEN to_unixtime(o.issued_time) > 0 THEN o.issued_time ELSE o.issuing_time END AS issued_time,
  o.issued_from,
  o.actor,
  o.session_arn,
  u.account_id,
  u.first_time,
  u.last_time,
  u.first_address,
  u.calls,
  u.accounts
FROM credential_origins AS o
JOIN (
  SELECT
    credential, session_arn, issued_time,
    first_value(account_id ORDER BY first_time, account_id) AS account_id,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    first_value(first_address ORDER BY first_address IS NULL, first_time, account_id) AS first_address,
    CAST(sum(calls) AS BIGINT) AS calls,
    count(DISTINCT account_id) AS accounts
  FROM daily_credential
  GROUP BY credential, session_arn, issued_time
) AS u ON u.credential = o.credential AND u.session_arn = o.session_arn AND u.issued_time = o.issued_time
