-- Identified calls with their origin: who is behind the credential. Daily summaries read `identified_calls`, and so do
-- queries that do not name the origin.
SELECT
  c.*,
  CASE
    WHEN o.origin IS NOT NULL THEN o.origin
    WHEN c.credential IS NOT NULL THEN 'unknown'
    WHEN c.user_identity_type IN ('SAMLUser', 'WebIdentityUser') THEN coalesce(c.user_identity_user_name, c.actor)
    ELSE c.actor
  END AS origin
FROM identified_calls AS c
LEFT JOIN credential_origins AS o
  ON o.credential = c.credential AND o.session_arn = c.user_identity_arn AND o.issued_time = c.issued_time
