-- Calls that change who may do what or who can see what, with their ATT&CK technique and weight. One row per call.
WITH own AS (
  SELECT day.event_date, array_agg(o.account_id) AS accounts
  FROM (SELECT DISTINCT event_date FROM daily_account) AS day
  JOIN own_account AS o ON o.since <= day.event_date
  GROUP BY day.event_date
),
-- Our own accounts are not outside accounts.
resolved AS (
  SELECT
    c.*,
    CASE
      WHEN own.accounts IS NULL THEN c.shared_with
      ELSE nullif(array_to_string(array_except(string_to_array(c.shared_with, ','), own.accounts), ','), '')
    END AS outside
  FROM categorised_calls AS c
  LEFT JOIN own ON own.event_date = c.event_date
)
SELECT
  *,
  CASE
    WHEN category IN ('administrator granted', 'escalation granted', 'role given to a machine') THEN 'T1098.003'
    WHEN category = 'policy hidden by its size' THEN 'T1562.008'
    WHEN category = 'root session created' THEN 'T1548.005'
    WHEN category = 'credentials created' THEN 'T1098.001'
    WHEN category = 'user created' THEN 'T1136.003'
    WHEN category = 'trust changed' THEN 'T1484.002'
    WHEN category = 'protection removed' THEN 'T1556.006'
    WHEN category = 'permissions changed' THEN 'T1098.003'
    WHEN category = 'key disabled' THEN 'T1485'
    WHEN category = 'opened to everyone' THEN 'T1530'
    WHEN category = 'network opened to everyone' THEN 'T1562.007'
    WHEN outside IS NOT NULL THEN 'T1537'
    ELSE 'T1098.003'
  END AS technique,
  -- How bad it is if it is malicious, from 1 (routine work for some) to 3 (full access for an outsider).
  CASE
    WHEN outside IS NOT NULL THEN 3
    -- Everything except IAM, or everything within a cluster.
    WHEN category = 'administrator granted'
      AND (risk = 'power' OR request_parameters LIKE '%:policy/PowerUserAccess"%' OR event_source = 'eks.amazonaws.com')
      THEN 2
    WHEN category IN ('administrator granted', 'opened to everyone', 'key disabled', 'policy hidden by its size') THEN 3
    WHEN category = 'trust changed' AND risk = 'public' THEN 3
    WHEN category IN ('trust changed', 'protection removed', 'credentials created', 'network opened to everyone',
      'escalation granted', 'root session created')
      THEN 2
    ELSE 1
  END AS weight
FROM resolved
WHERE outside IS NOT NULL OR category <> 'shared with an account'
