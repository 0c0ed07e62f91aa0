-- Identified calls with their origin: who is behind the credential. Daily summaries read `identified_calls`, and so do
-- queries that do not name the origin.
SELECT
  c.*,
  CASE
    WHEN o.origin IS NOT NULL THEN o.origin
    WHEN c.user_identity_type IN ('AssumedRole', 'FederatedUser') THEN 'unknown'
    ELSE c.actor
  END AS origin
FROM identified_calls AS c
LEFT JOIN credential_origins AS o
  ON o.credential = coalesce(CASE WHEN c.access_key_id LIKE 'ASIA%' THEN c.access_key_id END, c.user_identity_arn)
    AND o.session_arn = c.user_identity_arn
    AND o.issued_time = coalesce(c.session_creation_time,
      CASE WHEN c.event_source = 'signin.amazonaws.com' THEN c.event_time END, to_timestamp_micros(0, 'UTC'))
