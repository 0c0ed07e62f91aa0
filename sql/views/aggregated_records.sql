-- CloudTrail's summaries of data events: one row per record, which covers five minutes from event_time on. They are not
-- calls: unique_events leaves them out.
SELECT
  event_date,
  event_time,
  arrow_cast(TRY_CAST(json_get_str(extra, 'timeWindow', 'windowEnd') AS TIMESTAMP),
    'Timestamp(Microsecond, Some("UTC"))') AS window_end,
  event_id,
  account_id,
  aws_region,
  event_source,
  -- The templates differ in what they summarise by.
  CASE lower(json_get_str(extra, 'summary', 'primaryDimension', 'dimension'))
    WHEN 'eventname' THEN 'API_ACTIVITY'
    WHEN 'resourcearn' THEN 'RESOURCE_ACCESS'
    WHEN 'useridentity' THEN 'USER_ACTIONS'
  END AS template,
  coalesce(json_length(extra, 'summary', 'primaryDimension', 'statistics') > 0, FALSE) AS is_readable,
  extra,
  source_object,
  source_record
FROM events
-- Calls have an API: files with calls only are not read.
WHERE event_name IS NULL
  AND event_category = 'Aggregated'
  AND (addendum IS NULL OR addendum NOT LIKE '{"repeats":true%')
