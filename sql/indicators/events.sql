-- The period that is searched: its events, and the records of the lake that could not be read.
SELECT
  count(*) AS events,
  (SELECT CAST(coalesce(sum(rejects), 0) AS BIGINT) FROM objects) AS rejects
FROM unique_events
WHERE event_time >= $from AND event_time < $to
