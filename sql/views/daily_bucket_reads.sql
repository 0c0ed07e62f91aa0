-- Reads of a bucket by an identity in a day, from its events or from summaries of data events, whichever state more:
-- both are about the same calls.
SELECT
  event_date, account_id, actor, bucket,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  max(greatest(reads, summarised)) AS reads,
  max(bytes_out) AS bytes_out,
  max(summarised) > max(reads) AS is_summarised
FROM (
  SELECT event_date, account_id, actor, bucket, first_time, last_time, reads, bytes_out, 0 AS summarised
  FROM daily_bucket_use
  UNION ALL
  SELECT event_date, account_id, actor, bucket, first_time, last_time, 0 AS reads, 0 AS bytes_out, reads AS summarised
  FROM daily_aggregated_reads
)
GROUP BY event_date, account_id, actor, bucket
