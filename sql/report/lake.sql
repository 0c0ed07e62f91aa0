-- Totals of everything ever read into the lake. One row.
SELECT
  count(*) AS objects,
  (SELECT count(*) FROM events) AS events,
  (SELECT count(*) FROM aggregated_records) AS aggregated_events,
  (SELECT count(*) FROM aggregated_records WHERE NOT is_readable) AS unreadable_summaries,
  coalesce(sum(records), 0) AS records,
  coalesce(sum(kept), 0) AS kept,
  coalesce(sum(duplicates), 0) AS duplicates,
  coalesce(sum(id_conflicts), 0) AS id_conflicts,
  coalesce(sum(rejects), 0) AS rejects,
  coalesce(sum(retyped_members), 0) AS retyped_members,
  -- Only the first and the last day are read.
  (SELECT min(event_time) FROM events WHERE event_date = CAST($first_day AS DATE)) AS first_event,
  (SELECT max(event_time) FROM events WHERE event_date = CAST($last_day AS DATE)) AS last_event
FROM objects
