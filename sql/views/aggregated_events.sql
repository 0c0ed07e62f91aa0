-- What the summaries of data events state: one row per record and entry. An entry of the primary dimension counts the
-- calls that the record summarises; an entry of another dimension counts those of them that have this value too. A
-- record whose summary cannot be read has one row without an entry.
WITH entries AS (
  SELECT
    * EXCEPT (extra),
    TRUE AS is_primary,
    json_get_str(extra, 'summary', 'primaryDimension', 'dimension') AS dimension,
    unnest(json_get_array(extra, 'summary', 'primaryDimension', 'statistics')) AS entry
  FROM aggregated_records
  WHERE is_readable
  UNION ALL
  SELECT
    * EXCEPT (detail),
    FALSE AS is_primary,
    json_get_str(detail, 'dimension') AS dimension,
    unnest(json_get_array(detail, 'statistics')) AS entry
  FROM (
    SELECT * EXCEPT (extra), unnest(json_get_array(extra, 'summary', 'details')) AS detail
    FROM aggregated_records
    WHERE is_readable
  )
  UNION ALL
  SELECT * EXCEPT (extra), TRUE AS is_primary, CAST(NULL AS VARCHAR) AS dimension, CAST(NULL AS VARCHAR) AS entry
  FROM aggregated_records
  WHERE NOT is_readable
)
SELECT
  event_date,
  event_time,
  window_end,
  event_id,
  account_id,
  aws_region,
  event_source,
  template,
  is_primary,
  dimension,
  json_get_str(entry, 'name') AS name,
  -- A count is a number; exports may write it as text.
  coalesce(json_get_int(entry, 'value'), TRY_CAST(json_get_str(entry, 'value') AS BIGINT)) AS calls,
  source_object,
  source_record
FROM entries
