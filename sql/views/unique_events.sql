-- Every event once. Left out are records of an event that the lake already had from another record: one of the two is
-- an addendum, which CloudTrail delivers when an event was late or incomplete. So are summaries of data events, which
-- aggregated_records has.
SELECT *
FROM events
WHERE (addendum IS NULL OR addendum NOT LIKE '{"repeats":true%')
  AND (event_name IS NOT NULL OR event_category IS DISTINCT FROM 'Aggregated')
