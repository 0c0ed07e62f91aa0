-- Every event once. Left out are records of an event that the lake already had from another record: one of the two is
-- an addendum, which CloudTrail delivers when an event was late or incomplete.
SELECT *
FROM events
WHERE addendum IS NULL OR addendum NOT LIKE '{"repeats":true%'
