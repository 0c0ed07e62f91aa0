-- Calls that change who may do what or who can see what, with the technique they serve and their weight. One row a call.
SELECT
  *,
  CASE category
    WHEN 'administrator granted' THEN 'T1098.003'
    WHEN 'credentials created' THEN 'T1098.001'
    WHEN 'user created' THEN 'T1136.003'
    WHEN 'trust changed' THEN 'T1484.002'
    WHEN 'protection removed' THEN 'T1556.006'
    WHEN 'permissions changed' THEN 'T1098.003'
    WHEN 'key disabled' THEN 'T1485'
    WHEN 'key policy changed' THEN 'T1098.003'
    WHEN 'opened to everyone' THEN 'T1530'
    WHEN 'shared outside' THEN 'T1537'
    WHEN 'bucket policy changed' THEN 'T1098.003'
    WHEN 'network opened to everyone' THEN 'T1562.007'
  END AS technique,
  -- How bad when it is not meant: 3 is a door wide open, 1 is daily work of some.
  CASE category
    WHEN 'administrator granted' THEN 3
    WHEN 'opened to everyone' THEN 3
    WHEN 'shared outside' THEN 3
    WHEN 'key disabled' THEN 3
    WHEN 'trust changed' THEN 2
    WHEN 'protection removed' THEN 2
    WHEN 'credentials created' THEN 2
    WHEN 'network opened to everyone' THEN 2
    ELSE 1
  END AS weight
FROM categorised_calls
LEFT JOIN (SELECT account_id AS own_account_id, since AS own_since FROM own_account)
  ON own_account_id = shared_with AND own_since <= event_date
-- What is shared with an account of ours stays inside.
WHERE own_account_id IS NULL OR category <> 'shared outside'
