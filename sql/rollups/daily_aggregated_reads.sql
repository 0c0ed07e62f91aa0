-- One row per identity, bucket and day: what summaries of data events state about reads. Only for buckets about which
-- they state more reads in the day than there are events: the reads are not logged one by one, or not all of them.
WITH once AS (
  -- Several trails may summarise the same calls.
  SELECT
    event_date, event_time, account_id, aws_region, template, subject, actor, bucket, max(reads) AS reads
  FROM aggregated_reads
  GROUP BY event_date, event_time, account_id, aws_region, template, subject, actor, bucket
),
by_template AS (
  SELECT event_date, event_time, account_id, aws_region, template, actor, bucket, sum(reads) AS reads
  FROM once
  GROUP BY event_date, event_time, account_id, aws_region, template, actor, bucket
),
-- So do the templates.
of_window AS (
  SELECT event_date, event_time, account_id, aws_region, actor, bucket, max(reads) AS reads
  FROM by_template
  GROUP BY event_date, event_time, account_id, aws_region, actor, bucket
),
daily AS (
  SELECT
    event_date, account_id, actor, bucket,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    CAST(sum(reads) AS BIGINT) AS reads
  FROM of_window
  GROUP BY event_date, account_id, actor, bucket
),
-- The identity may have another name in the summary, so buckets are compared as a whole.
missing AS (
  SELECT d.event_date, d.account_id, d.bucket
  FROM (
    SELECT event_date, account_id, bucket, sum(reads) AS reads
    FROM daily
    GROUP BY event_date, account_id, bucket
  ) AS d
  LEFT JOIN (
    SELECT event_date, account_id, bucket, sum(reads) AS reads
    FROM daily_bucket_use
    GROUP BY event_date, account_id, bucket
  ) AS u ON u.event_date = d.event_date AND u.account_id = d.account_id AND u.bucket = d.bucket
  WHERE d.reads > coalesce(u.reads, 0)
)
SELECT d.event_date, d.account_id, d.actor, d.bucket, d.first_time, d.last_time, d.reads
FROM daily AS d
JOIN missing AS m ON m.event_date = d.event_date AND m.account_id = d.account_id AND m.bucket = d.bucket
