-- One row per KMS key and day on which anybody encrypted, decrypted or signed with it.
WITH used AS (
  SELECT
    event_date, account_id,
    -- A key's id: 32 hexadecimal digits with or without hyphens, mrk- before those of keys in several regions.
    regexp_match(coalesce(resources, '') || coalesce(request_parameters, ''),
      '[:/"]((?:mrk-)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})')[1] AS key_id
  FROM identified_calls
  WHERE event_source = 'kms.amazonaws.com'
    AND NOT failed
    AND (api LIKE '%crypt' OR api LIKE 'ReEncrypt%' OR api LIKE 'GenerateDataKey%' OR api LIKE '%Mac'
      OR api IN ('Sign', 'Verify'))
)
SELECT event_date, account_id, key_id, count(*) AS calls
FROM used
GROUP BY event_date, account_id, key_id
