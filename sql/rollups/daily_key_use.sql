-- One row a KMS key and day on which something was encrypted, decrypted or signed with it, by whomever.
SELECT
  event_date,
  account_id,
  regexp_match(coalesce(resources, '') || coalesce(request_parameters, ''), '[:/"]((?:mrk-)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})')[1] AS key_id,
  count(*) AS calls
FROM calls
WHERE event_source = 'kms.amazonaws.com'
  AND NOT failed
  AND (api LIKE '%crypt' OR api LIKE 'ReEncrypt%' OR api LIKE 'GenerateDataKey%' OR api LIKE '%Mac' OR api IN ('Sign', 'Verify'))
GROUP BY event_date, account_id,
  regexp_match(coalesce(resources, '') || coalesce(request_parameters, ''), '[:/"]((?:mrk-)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})')[1]
