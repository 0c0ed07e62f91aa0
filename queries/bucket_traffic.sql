/*
title = "S3 reads, writes and deletes, by bucket and identity"
about = "Needs S3 data events; without them the result is empty."
[params]
rows = { default = 200, help = "maximum number of rows" }
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
