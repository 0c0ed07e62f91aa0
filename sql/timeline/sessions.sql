-- Temporary credentials that were used on some days and behind which one of these identities is.
SELECT DISTINCT
  o.origin,
  o.credential,
  o.session_arn,
  CAST(o.issued_time AS VARCHAR) AS issued_time
FROM credential_origins AS o
JOIN daily_credential AS d
  ON d.credential = o.credential AND d.session_arn = o.session_arn AND d.issued_time = o.issued_time
WHERE d.event_date IN ({days})
  -- No credential lives longer than 36 hours.
  AND o.event_date >= CAST($from AS DATE) - INTERVAL '2' DAY
  AND o.event_date < CAST($to AS DATE) + INTERVAL '1' DAY
  AND o.origin IN ({wanted})
ORDER BY o.session_arn, o.credential, issued_time
LIMIT 1001
