/*
title      = "Many different secrets read within an hour"
severity   = "high"
confidence = "medium"
attack     = ["T1555.006", "T1552"]
why        = "Secrets and parameters open the next door; a thief takes all of them at once."
benign     = ["A deployment that loads every parameter of its service", "A rotation or a migration of secrets"]
respond    = ["Rotate every secret that was read", "See whether the values were used elsewhere since"]
[params]
min_secrets = { default = 8, min = 2, help = "different secrets or parameters asked for within one hour" }
many_secrets = { default = 20, min = 2, help = "from this many on nobody reads them by hand" }
*/
WITH candidates AS (
  SELECT DISTINCT actor, account_id
  FROM hourly_secrets
  WHERE event_date >= CAST($from AS DATE) AND hour < $to AND secrets >= $min_secrets
),
judged AS (
  SELECT
    h.*,
    coalesce(max(secrets) OVER before, 0) AS most_before,
    count(*) OVER before AS hours_before
  FROM candidates AS c
  JOIN hourly_secrets AS h ON h.actor = c.actor AND h.account_id = c.account_id
  WHERE h.hour < $to
  WINDOW before AS (PARTITION BY h.actor, h.account_id ORDER BY h.hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-(secrets - most_before) / 10.0) AS score,
  -- A broken script is refused; a rotation reads what it rotates.
  CASE WHEN secrets < 3 * most_before OR 2 * failures > calls OR 2 * secrets_written >= secrets THEN 'low' WHEN secrets < $many_secrets THEN 'medium' ELSE 'high' END AS severity,
  CASE WHEN 2 * secrets_written >= secrets THEN 'low' WHEN secrets < 3 * most_before OR 2 * failures > calls THEN 'medium' END AS joined_severity,
  actor || CASE WHEN failures = calls THEN ' was refused ' ELSE ' read ' END || secrets || ' different secrets in an hour'
    || CASE WHEN failures > 0 AND failures < calls THEN ', ' || failures || ' of ' || calls || ' calls failed' ELSE '' END
    || CASE WHEN secrets_written > 0 THEN ', wrote ' || secrets_written || ' anew' ELSE '' END
    || '; its most before was ' || most_before AS summary,
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
  AND secrets > 1.5 * most_before
