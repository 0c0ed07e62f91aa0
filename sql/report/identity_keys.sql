-- Credentials of the riskiest identities: access keys from 60 days before the window to its end, temporary credentials
-- of the window. One row per identity and credential, at most 40 per identity.
WITH used AS MATERIALIZED (
  SELECT
    actor,
    access_key_id AS credential,
    'access key' AS kind,
    CAST(NULL AS VARCHAR) AS role,
    CAST(NULL AS VARCHAR) AS first_address,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(DISTINCT event_date) AS days,
    CAST(sum(calls) AS BIGINT) AS calls
  FROM daily_client
  WHERE array_has($riskiest, actor) AND access_key_id IS NOT NULL
    AND event_date >= CAST($from AS DATE) - INTERVAL '60 days' AND event_date < CAST($to AS DATE)
  GROUP BY actor, access_key_id
  UNION ALL
  SELECT
    actor,
    credential,
    'temporary credential' AS kind,
    min(issuer_arn) AS role,
    first_value(first_address ORDER BY first_time) AS first_address,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    count(DISTINCT event_date) AS days,
    CAST(sum(calls) AS BIGINT) AS calls
  FROM daily_credential
  WHERE array_has($riskiest, actor)
    AND event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
  GROUP BY actor, credential
),
ranked AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY actor ORDER BY kind, calls DESC, credential) AS place,
    count(*) OVER (PARTITION BY actor) AS credentials
  FROM used
)
SELECT
  actor, credential, kind, role, first_address,
  ip_country(first_address) AS country,
  first_time, last_time, days, calls,
  first_time >= $from AS first_in_window,
  credentials
FROM ranked
WHERE place <= 40
ORDER BY actor, place
