-- One row per bucket, key that objects were written with, and day; only for writers that name a key.
SELECT event_date, account_id, bucket, key_id, min(event_time) AS first_time, count(*) AS calls
FROM object_writes
WHERE NOT failed AND key_id IS NOT NULL
GROUP BY event_date, account_id, bucket, key_id
