/*
title      = "Far more reads of a bucket in a day than usual for the identity and for the bucket"
severity   = "medium"
confidence = "medium"
attack     = ["T1530"]
why        = "Copying a bucket takes one read per object, whoever's credentials are used."
benign     = ["A backfill, an export or a migration", "A new job over old data"]
respond    = ["Find out what data the bucket holds and from where it was read", "Ask the identity's owner what ran"]
chart      = { observed = "reads", usual = ["identity_mean_reads_per_day", "bucket_mean_reads_per_day"] }
[params]
min_nats    = { default = 8.0, min = 3.0, help = """\
  surprise of the day's count of reads, in nats: 8 nats are one in 3 thousand""" }
min_reads   = { default = 50, min = 1, help = "days with fewer objects read are not evaluated by number" }
min_bytes   = { default = 1e9, min = 1.0, help = "days with fewer bytes read are not evaluated by volume" }
byte_factor = { default = 10.0, min = 1.0, help = """\
  bytes of the day as a multiple of the previous maximum of the identity and of the bucket""" }
burst       = { default = 15.0, min = 1.0, help = """\
  minimum ratio of variance to mean, because reads of one prefix or one query come in bursts""" }
warm_up_days = { default = 7, min = 1, help = "days of data events an account needs before its buckets are evaluated" }
*/
WITH used AS MATERIALIZED (
  SELECT *, CAST(to_unixtime(event_date) / 86400 AS BIGINT) AS day
  FROM daily_bucket_reads
  WHERE event_date < CAST($to AS DATE) AND event_date >= CAST($from AS DATE) - INTERVAL '56 days'
    AND reads > 0
),
-- The identity's day with its busiest bucket, so that one bucket can be compared with it. Days without reads count as 0
-- from its first day on.
of_actor AS (
  SELECT
    account_id, actor, day,
    filled_baseline(reads, day, 28) OVER (PARTITION BY account_id, actor ORDER BY day) AS past,
    max(bytes_out) OVER before AS most_bytes
  FROM (
    SELECT account_id, actor, day, CAST(max(reads) AS DOUBLE) AS reads, max(bytes_out) AS bytes_out
    FROM used
    GROUP BY account_id, actor, day
  )
  WINDOW before AS (PARTITION BY account_id, actor ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- The bucket's day with its busiest reader: reading as much as others do is the job, not a theft.
of_bucket AS (
  SELECT
    bucket, day,
    filled_baseline(reads, day, 28) OVER (PARTITION BY bucket ORDER BY day) AS past,
    max(bytes_out) OVER before AS most_bytes
  FROM (
    SELECT bucket, day, CAST(max(reads) AS DOUBLE) AS reads, max(bytes_out) AS bytes_out
    FROM used
    GROUP BY bucket, day
  )
  WINDOW before AS (PARTITION BY bucket ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
begun AS (
  SELECT account_id, min(day) AS day FROM used GROUP BY account_id
),
judged AS (
  SELECT
    u.*,
    coalesce(a.past['mean'], 0.0) AS actor_mean,
    coalesce(a.past['variance'], 0.0) AS actor_variance,
    coalesce(a.past['n'], 0) AS actor_days,
    coalesce(b.past['mean'], 0.0) AS bucket_mean,
    coalesce(b.past['variance'], 0.0) AS bucket_variance,
    coalesce(b.past['n'], 0) AS bucket_days,
    coalesce(a.most_bytes, 0) AS actor_most_bytes,
    coalesce(b.most_bytes, 0) AS bucket_most_bytes
  FROM used AS u
  JOIN of_actor AS a ON a.account_id = u.account_id AND a.actor = u.actor AND a.day = u.day
  JOIN of_bucket AS b ON b.bucket = u.bucket AND b.day = u.day
  JOIN begun AS g ON g.account_id = u.account_id
  WHERE u.event_date >= CAST($from AS DATE)
    AND (u.reads >= $min_reads OR u.bytes_out >= $min_bytes)
    AND u.day - g.day >= $warm_up_days
),
-- Identities that call from a network they have used for less than a week, or with a client they never used.
changed AS (
  SELECT DISTINCT actor, event_date FROM unfamiliar($from, $to) WHERE kind = 'asn'
  UNION
  SELECT actor, event_date
  FROM novelties
  WHERE kind = 'user_agent' AND event_date >= CAST($from AS DATE) AND first_time < $to
),
-- How much an identity wrote into buckets that were used on earlier days: who copies a bucket within the organisation
-- writes what it reads.
written AS (
  SELECT actor, event_date, CAST(sum(CASE WHEN since < event_date THEN writes ELSE 0 END) AS BIGINT) AS writes
  FROM (
    SELECT actor, event_date, writes, min(event_date) OVER (PARTITION BY bucket) AS since
    FROM daily_bucket_use
    WHERE event_date < CAST($to AS DATE) AND event_date >= CAST($from AS DATE) - INTERVAL '56 days'
  )
  GROUP BY actor, event_date
),
-- Adds one read, so that the mean of an identity that never read is above 0.
rated AS (
  SELECT
    j.*,
    j.actor_mean + 1.0 / greatest(j.actor_days, 28) AS actor_rate,
    j.bucket_mean + 1.0 / greatest(j.bucket_days, 28) AS bucket_rate,
    n.actor IS NOT NULL AS is_elsewhere,
    c.actor IS NULL AND 2 * coalesce(w.writes, 0) >= j.reads AS is_copy
  FROM judged AS j
  LEFT JOIN written AS w ON w.actor = j.actor AND w.event_date = j.event_date
  LEFT JOIN new_places($from, $to) AS n ON n.actor = j.actor AND n.event_date = j.event_date
  LEFT JOIN changed AS c ON c.actor = j.actor AND c.event_date = j.event_date
),
-- The day has to be too much for the identity and for the bucket: the smaller of the two surprises counts. From a new
-- network, that others read as much explains nothing.
scored AS MATERIALIZED (
  SELECT
    *,
    CASE WHEN reads >= $min_reads THEN least(
      negative_binomial_surprise(reads, actor_rate, greatest(actor_variance, actor_rate * $burst)),
      CASE WHEN NOT is_elsewhere
           THEN negative_binomial_surprise(reads, bucket_rate, greatest(bucket_variance, bucket_rate * $burst)) END)
      ELSE 0.0 END AS nats,
    greatest(actor_most_bytes, bucket_most_bytes) AS most_bytes,
    bytes_out >= $min_bytes
      AND bytes_out > $byte_factor * greatest(actor_most_bytes, bucket_most_bytes) AS is_heavy
  FROM rated
),
readers AS (
  SELECT bucket, actor, min(day) AS since
  FROM used
  GROUP BY bucket, actor
),
others AS (
  SELECT
    s.account_id, s.actor, s.bucket, s.event_date,
    count(*) FILTER (WHERE r.actor <> s.actor) AS other_readers
  FROM scored AS s
  JOIN readers AS r ON r.bucket = s.bucket AND r.since < s.day
  GROUP BY s.account_id, s.actor, s.bucket, s.event_date
)
SELECT
  s.first_time,
  s.last_time,
  'actor' AS entity_type,
  s.actor AS entity,
  s.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 40 nats, five times the least that is reported.
  saturating_score(greatest(s.nats, $min_nats), 40.0) AS score,
  CASE WHEN s.is_copy THEN 'low' ELSE 'medium' END AS severity,
  CASE WHEN s.is_copy THEN 'low' END AS joined_severity,
  s.actor || ' read ' || counted(s.reads, 'object', 'objects') || ' ('
    || CASE WHEN s.bytes_out >= 1e9 THEN round(s.bytes_out / 1e9, 1) || ' GB'
            ELSE round(s.bytes_out / 1e6, 1) || ' MB' END
    || ') from bucket ' || s.bucket || ' in a day; mean per day: ' || round(s.actor_mean, 1) || ' by this identity, '
    || round(s.bucket_mean, 1) || ' by the bucket''s busiest reader (' || counted(s.bucket_days, 'day', 'days') || ', '
    || counted(coalesce(o.other_readers, 0), 'other reader', 'other readers') || ')'
    || CASE WHEN s.is_summarised THEN '; at least so many, from aggregated events' ELSE '' END
    || CASE WHEN s.is_elsewhere THEN '; from a network that is new for it'
            WHEN s.is_copy THEN '; as usual in network and client, it wrote as many objects as it read' ELSE '' END
    AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  s.bucket AS key,
  s.bucket,
  s.reads,
  s.bytes_out,
  s.nats AS surprise_nats,
  s.is_elsewhere AS from_a_new_network,
  s.actor_mean AS baseline_identity_mean_reads_per_day,
  s.actor_days AS baseline_identity_days,
  s.bucket_mean AS baseline_bucket_mean_reads_per_day,
  s.bucket_days AS baseline_bucket_days,
  s.most_bytes AS baseline_most_bytes_in_a_day
FROM scored AS s
LEFT JOIN others AS o ON o.account_id = s.account_id AND o.actor = s.actor AND o.bucket = s.bucket
  AND o.event_date = s.event_date
JOIN (
  SELECT account_id, actor, bucket, event_date, event_id, event_time, FALSE AS is_summarised
  FROM object_calls
  WHERE is_read AND event_time >= $from AND event_time < $to
  UNION ALL
  SELECT account_id, actor, bucket, event_date, event_id, event_time, TRUE AS is_summarised
  FROM aggregated_reads
  WHERE event_time >= $from AND event_time < $to
) AS c ON c.account_id = s.account_id AND c.actor = s.actor AND c.bucket = s.bucket AND c.event_date = s.event_date
  AND c.is_summarised = s.is_summarised
WHERE (s.nats >= $min_nats OR s.is_heavy)
GROUP BY s.first_time, s.last_time, s.actor, s.account_id, s.bucket, s.reads, s.bytes_out, s.nats, s.actor_mean,
  s.actor_days, s.bucket_mean, s.bucket_days, s.most_bytes, s.is_summarised, s.is_elsewhere, s.is_copy, o.other_readers
