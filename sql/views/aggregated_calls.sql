-- Calls of identities that the summaries of data events state: one row per record and identity, which is named as in
-- calls, as far as its ARN tells.
WITH counted AS (
  SELECT
    *,
    max(CASE WHEN is_primary THEN name END) OVER record AS subject,
    sum(CASE WHEN is_primary THEN calls END) OVER record AS total,
    sum(CASE WHEN lower(dimension) IN ('errorcode', 'errorcodes') AND NOT is_primary THEN calls ELSE 0 END) OVER record
      AS failures
  FROM aggregated_events
  WHERE template IS NOT NULL AND calls > 0
  WINDOW record AS (PARTITION BY source_object, source_record)
),
named AS (
  SELECT
    * EXCEPT (name, dimension),
    -- The person behind a session, or the role without its session.
    CASE WHEN name LIKE '%:assumed-role/AWSReservedSSO_%' OR name LIKE '%:assumed-role/%/%@%' THEN name
         ELSE regexp_replace(name, '^(arn:[^:]+):sts::([0-9]+):assumed-role/([^/]+)/.*$', '\1:iam::\2:role/\3')
    END AS actor
  FROM counted
  WHERE lower(dimension) = 'useridentity'
    AND NOT coalesce(is_service_caller(name), TRUE)
)
SELECT
  event_date, event_time, event_id, account_id, aws_region, event_source, template, subject, actor, total, failures,
  least(CAST(sum(calls) AS BIGINT), total) AS calls,
  source_object, source_record
FROM named
GROUP BY event_date, event_time, event_id, account_id, aws_region, event_source, template, subject, actor, total,
  failures, source_object, source_record
