/*
title = "What was read from, written to and deleted in buckets, by identity"
about = "From data events; a trail without them says nothing here."
[params]
rows = { default = 200, help = "rows at most" }
*/
SELECT
  bucket,
  account_id,
  actor,
  CAST(sum(reads) AS BIGINT) AS reads,
  CAST(sum(bytes_out) AS BIGINT) AS bytes_out,
  CAST(sum(writes) AS BIGINT) AS writes,
  CAST(sum(deletes) AS BIGINT) AS deletes,
  min(first_time) AS first_time,
  max(last_time) AS last_time
FROM daily_bucket_use
WHERE last_time >= $from AND first_time < $to
GROUP BY bucket, account_id, actor
ORDER BY bytes_out DESC, reads DESC, bucket, actor
LIMIT $rows
