/*
title      = "Many different secrets read within an hour"
severity   = "high"
confidence = "medium"
attack     = ["T1555.006", "T1552"]
why        = "Secrets and parameters give access to more systems; attackers read all of them at once."
benign     = ["A deployment that loads every parameter of its service", "A rotation or a migration of secrets"]
respond    = ["Rotate every secret that was read", "See whether the values were used elsewhere since"]
[params]
min_secrets  = { default = 8, min = 2, help = "different secrets or parameters requested within one hour" }
many_secrets = { default = 20, min = 2, help = "secrets within an hour that nobody reads manually" }
excess       = { default = 1.5, min = 1.0, help = """\
  secrets of the hour as a multiple of the identity's previous maximum""" }
large_excess = { default = 3.0, min = 1.0, help = "multiple of the previous maximum below which the finding is low" }
*/
WITH candidates AS (
  SELECT DISTINCT actor, account_id
  FROM hourly_secrets
  WHERE event_date >= CAST($from AS DATE) AND hour < $to AND secrets >= $min_secrets
),
compared AS (
  SELECT
    h.*,
    coalesce(max(secrets) OVER before, 0) AS most_before,
    count(*) OVER before AS hours_before
  FROM candidates AS c
  JOIN hourly_secrets AS h ON h.actor = c.actor AND h.account_id = c.account_id
  WHERE h.hour < $to
  WINDOW before AS (
    PARTITION BY h.actor, h.account_id ORDER BY h.hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
judged AS (
  SELECT
    *,
    -- A rotation replaces what it reads.
    2 * secrets_written >= secrets AS is_rotation,
    -- Not far above its maximum, or mostly denied, as with a broken script.
    secrets < $large_excess * most_before OR 2 * failures > calls AS is_minor
  FROM compared
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 10 secrets more than ever before.
  saturating_score(secrets - most_before, 10.0) AS score,
  CASE WHEN is_minor OR is_rotation THEN 'low' WHEN secrets < $many_secrets THEN 'medium' ELSE 'high' END AS severity,
  CASE WHEN is_rotation THEN 'low' WHEN is_minor THEN 'medium' END AS joined_severity,
  actor || CASE WHEN failures = calls THEN ' was denied ' ELSE ' read ' END
    || counted(secrets, 'different secret', 'different secrets') || ' in an hour'
    || CASE WHEN failures > 0 AND failures < calls
            THEN ', ' || failures || ' of ' || counted(calls, 'call', 'calls') || ' failed' ELSE '' END
    || CASE WHEN secrets_written > 0 THEN ', replaced ' || secrets_written ELSE '' END
    || '; previous maximum: ' || most_before AS summary,
  evidence,
  calls AS events,
  CAST(hour AS VARCHAR) AS key,
  secrets,
  secrets_written,
  failures AS failed_calls,
  most_before AS baseline_most_secrets_in_an_hour,
  hours_before AS baseline_hours_with_reads
FROM judged
WHERE first_time >= $from
  AND secrets >= $min_secrets
  AND secrets > $excess * most_before
