-- Reads of buckets that the summaries of data events state: one row per record, identity and bucket.
--
-- A summary counts the calls of an identity, those about a bucket, those that read and those that failed, but not those
-- that are all of it. The number of reads is the least that these counts allow: of 805 calls of which 800 are reads and
-- 803 are of one identity, at least 798 are reads of that identity.
WITH of_record AS (
  SELECT
    source_object, source_record,
    CAST(sum(calls) FILTER (
      WHERE lower(dimension) = 'eventname'
        AND name IN ('GetObject', 'SelectObjectContent', 'CopyObject', 'GetObjectTorrent')) AS BIGINT) AS reads
  FROM aggregated_events
  WHERE event_source = 's3.amazonaws.com' AND calls > 0
  GROUP BY source_object, source_record
),
-- Some summaries may name the bucket and its objects, which are then the same calls.
of_bucket AS (
  SELECT
    source_object, source_record,
    regexp_match(name, '^arn:[^:]+:s3:::([^/]+)')[1] AS bucket,
    greatest(
      CAST(coalesce(sum(calls) FILTER (WHERE name LIKE '%/%'), 0) AS BIGINT),
      CAST(coalesce(sum(calls) FILTER (WHERE name NOT LIKE '%/%'), 0) AS BIGINT)) AS calls
  FROM aggregated_events
  WHERE event_source = 's3.amazonaws.com' AND lower(dimension) = 'resourcearn' AND calls > 0
  GROUP BY source_object, source_record, regexp_match(name, '^arn:[^:]+:s3:::([^/]+)')[1]
)
SELECT *
FROM (
  SELECT
    c.event_date, c.event_time, c.event_id, c.account_id, c.aws_region, c.template, c.subject, c.actor, b.bucket,
    c.calls + least(b.calls, c.total) + least(r.reads, c.total) - 2 * c.total - c.failures AS reads
  FROM aggregated_calls AS c
  JOIN of_record AS r ON r.source_object = c.source_object AND r.source_record = c.source_record
  JOIN of_bucket AS b ON b.source_object = c.source_object AND b.source_record = c.source_record
  WHERE c.event_source = 's3.amazonaws.com' AND b.bucket IS NOT NULL
)
WHERE reads > 0
