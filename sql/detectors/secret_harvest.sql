/*
title      = "Many different secrets read within an hour"
severity   = "high"
confidence = "medium"
attack     = ["T1555.006", "T1552"]
why        = "Secrets and parameters give access to more systems; attackers read all of them at once."
benign     = ["A deployment that loads every parameter of its service", "A rotation or a migration of secrets"]
respond    = [
  "owner of the workload: rotate every secret that was read",
  "See whether the values were used elsewhere since",
]
chart      = { series = "secrets per hour", observed = "secrets", usual = ["most_secrets_in_an_hour"] }
[params]
min_secrets  = { default = 8, min = 2, help = "different secrets or parameters requested within one hour" }
few_secrets  = { default = 3, min = 2, help = """\
  the same from a network that is new for the identity, where it has no work to do""" }
many_secrets = { default = 20, min = 2, help = "secrets within an hour that nobody reads manually" }
excess       = { default = 1.5, min = 1.0, help = """\
  secrets of the hour as a multiple of the identity's previous maximum""" }
warm_up_days = { default = 7, min = 0, max = 90, help = """\
  days after which a workload is no longer new; a new one that reads its secrets from a known place is low""" }
large_excess = { default = 3.0, min = 1.0, help = "multiple of the previous maximum below which the finding is low" }
*/
-- Secrets in each hour of the clock, and in it and the one before.
WITH hours AS (
  SELECT
    actor, account_id, event_date, secrets,
    sum(secrets) OVER (
      PARTITION BY actor, account_id ORDER BY hour RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS of_two
  FROM hourly_secrets
  WHERE hour < $to
),
-- Each day, with the maximum of earlier days.
days AS (
  SELECT
    *,
    coalesce(max(secrets) OVER earlier_days, 0) AS most_before,
    coalesce(sum(active_hours) OVER earlier_days, 0) AS hours_before
  FROM (
    SELECT actor, account_id, event_date, max(secrets) AS secrets, max(of_two) AS of_two, count(*) AS active_hours
    FROM hours
    GROUP BY actor, account_id, event_date
  )
  WINDOW earlier_days AS (
    PARTITION BY actor, account_id ORDER BY event_date
    RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1 day' PRECEDING)
),
-- Days that may have enough secrets within an hour, and more than ever before: any 60 minutes are within two hours of
-- the clock.
candidates AS MATERIALIZED (
  SELECT d.actor, d.account_id, d.event_date, d.most_before, d.hours_before, n.actor IS NOT NULL AS is_elsewhere
  FROM days AS d
  LEFT JOIN new_places($from, $to) AS n ON n.actor = d.actor AND n.event_date = d.event_date
  WHERE d.event_date >= CAST($from AS DATE)
    AND d.of_two >= CASE WHEN n.actor IS NOT NULL THEN $few_secrets ELSE $min_secrets END
    AND d.of_two > CASE WHEN n.actor IS NOT NULL THEN 1.0 ELSE $excess END * d.most_before
),
-- Their calls, and those of the day before, which the first hour of a day needs.
asked AS MATERIALIZED (
  SELECT
    s.actor, s.account_id, s.event_date, s.event_time, s.event_id, s.failed,
    CASE WHEN NOT s.writes THEN s.secret END AS secret_read,
    CASE WHEN s.writes AND NOT s.failed THEN s.secret END AS secret_written
  FROM (
    SELECT actor, account_id, event_date FROM candidates
    UNION
    SELECT actor, account_id, event_date - INTERVAL '1 day' FROM candidates
  ) AS c
  JOIN secret_calls AS s ON s.actor = c.actor AND s.account_id = c.account_id AND s.event_date = c.event_date
  WHERE s.event_time >= $from - INTERVAL '1 hour' AND s.event_time < $to
),
counted_back AS (
  SELECT
    *,
    count(DISTINCT secret_read) OVER past_hour AS secrets,
    count(DISTINCT secret_written) OVER past_hour AS secrets_written
  FROM asked
  WINDOW past_hour AS (
    PARTITION BY actor, account_id ORDER BY event_time RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
),
-- The 60 minutes of each day with the most secrets.
most AS MATERIALIZED (
  SELECT
    c.actor, c.account_id, c.event_date, k.is_elsewhere, k.most_before, k.hours_before,
    max(c.secrets) AS secrets,
    max(c.secrets_written) AS secrets_written,
    first_value(c.event_time ORDER BY c.secrets DESC, c.event_time) AS until
  FROM counted_back AS c
  JOIN candidates AS k ON k.actor = c.actor AND k.account_id = c.account_id AND k.event_date = c.event_date
  WHERE c.event_time >= $from
  GROUP BY c.actor, c.account_id, c.event_date, k.is_elsewhere, k.most_before, k.hours_before
  HAVING max(c.secrets) >= CASE WHEN k.is_elsewhere THEN $few_secrets ELSE $min_secrets END
),
calls_of_hour AS (
  SELECT
    m.actor, m.account_id, m.event_date,
    min(a.event_time) AS first_time,
    max(a.event_time) AS last_time,
    count(DISTINCT a.event_id) AS calls,
    count(DISTINCT CASE WHEN a.failed THEN a.event_id END) AS failures,
    count(DISTINCT CASE WHEN NOT a.failed THEN a.secret_read END) AS secrets_done,
    evidence(a.event_id, a.event_time, CAST(a.failed AS VARCHAR)) AS evidence
  FROM most AS m
  JOIN asked AS a ON a.actor = m.actor AND a.account_id = m.account_id
    AND a.event_time <= m.until AND a.event_time >= m.until - INTERVAL '1 hour'
  WHERE a.secret_read IS NOT NULL AND a.event_time >= $from
  GROUP BY m.actor, m.account_id, m.event_date
),
met AS (
  SELECT m.actor, min(d.event_date) AS since
  FROM (SELECT DISTINCT actor FROM most) AS m
  JOIN daily_activity AS d ON d.actor = m.actor
  WHERE d.event_date < CAST($to AS DATE)
  GROUP BY m.actor
),
-- Identities that came that day from a network or with a client that nobody of the organisation used before.
strange AS (
  SELECT DISTINCT actor, event_date
  FROM novelties
  WHERE kind IN ('asn', 'country', 'user_agent') AND NOT is_known
    AND event_date >= CAST($from AS DATE) AND first_time < $to
),
judged AS (
  SELECT
    m.*, c.first_time, c.last_time, c.calls, c.failures, c.secrets_done, c.evidence,
    -- A rotation replaces most of what it reads.
    2 * m.secrets_written >= m.secrets AS is_rotation,
    -- Not far above its maximum, or mostly denied, as with a broken script.
    NOT m.is_elsewhere AND (m.secrets < $large_excess * m.most_before OR 2 * c.failures > c.calls)
      AS is_minor,
    -- A new cluster or service reads all its secrets when it starts.
    is_machine(m.actor) AND CAST(m.event_date - t.since AS BIGINT) < $warm_up_days AND s.actor IS NULL AS is_start
  FROM most AS m
  JOIN calls_of_hour AS c ON c.actor = m.actor AND c.account_id = m.account_id AND c.event_date = m.event_date
  JOIN met AS t ON t.actor = m.actor
  LEFT JOIN strange AS s ON s.actor = m.actor AND s.event_date = m.event_date
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
  CASE WHEN is_minor OR is_rotation OR is_start THEN 'low'
       WHEN secrets < $many_secrets THEN 'medium'
       ELSE 'high' END AS severity,
  CASE WHEN is_rotation OR is_start THEN 'low' WHEN is_minor THEN 'medium' END AS joined_severity,
  actor || CASE WHEN failures = calls THEN ' was denied ' ELSE ' read ' END
    || counted(CASE WHEN failures = calls THEN secrets ELSE secrets_done END, 'different secret', 'different secrets')
    || ' in an hour'
    || CASE WHEN secrets_written > 0 THEN ' and replaced ' || secrets_written ELSE '' END
    || also_failed(failures, calls)
    || CASE WHEN is_start THEN '; the identity is new, and so far only in known networks with known clients'
            ELSE '; previous maximum: ' || most_before END
    || CASE WHEN is_elsewhere THEN '; from a network that is new for it' ELSE '' END AS summary,
  evidence,
  calls AS events,
  secrets,
  secrets_written,
  failures AS failed_calls,
  is_elsewhere AS from_a_new_network,
  most_before AS baseline_most_secrets_in_an_hour,
  hours_before AS baseline_hours_with_reads
FROM judged
WHERE secrets > CASE WHEN is_elsewhere THEN 1.0 ELSE $excess END * most_before
