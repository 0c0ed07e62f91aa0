/*
title = "Unusual call and error rates, in the format of CloudTrail Insights events"
about = "Hours with far more calls or errors than in the 7 days before, if trails lack Insights. Use --format ndjson."
*/
WITH counted AS (
  SELECT account_id, aws_region, event_source, event_name, 'ApiCallRateInsight' AS insight_type,
    CAST(NULL AS VARCHAR) AS error_code, hour, CAST(sum(changes) AS DOUBLE) AS calls
  FROM hourly_api_use
  WHERE changes > 0
  GROUP BY account_id, aws_region, event_source, event_name, hour
  UNION ALL
  SELECT account_id, aws_region, event_source, event_name, 'ApiErrorRateInsight' AS insight_type,
    error_code, hour, CAST(sum(calls) AS DOUBLE) AS calls
  FROM hourly_api_use
  WHERE error_code IS NOT NULL
  GROUP BY account_id, aws_region, event_source, event_name, error_code, hour
),
-- Hours without calls count from the account's first event on.
anchored AS (
  SELECT * FROM counted
  UNION ALL
  SELECT c.account_id, c.aws_region, c.event_source, c.event_name, c.insight_type, c.error_code, b.hour,
    CAST(NULL AS DOUBLE)
  FROM (SELECT DISTINCT account_id, aws_region, event_source, event_name, insight_type, error_code FROM counted) AS c
  JOIN (SELECT account_id, min(hour) AS hour FROM hourly_api_use GROUP BY account_id) AS b
    ON b.account_id = c.account_id
),
judged AS (
  SELECT
    *,
    filled_baseline(calls, CAST(floor(to_unixtime(hour) / 3600) AS BIGINT), 168) OVER (
      PARTITION BY account_id, aws_region, event_source, event_name, insight_type, error_code
      ORDER BY hour
    ) AS past
  FROM anchored
),
-- The same threshold as in the detectors insight_call_rate and insight_error_rate: 10 nats, assuming bursts of about 10
-- calls.
unusual AS (
  SELECT
    *,
    past['mean'] / 60.0 AS baseline_average,
    past['n'] * 60 AS baseline_minutes,
    CAST(floor(to_unixtime(hour) / 3600) AS BIGINT) - row_number() OVER (
      PARTITION BY account_id, aws_region, event_source, event_name, insight_type, error_code
      ORDER BY hour
    ) AS run
  FROM judged
  WHERE calls >= 15
    AND past['n'] >= 48
    AND hour >= $from AND hour < $to
    AND negative_binomial_surprise(calls, past['mean'] + 1.0 / past['n'],
      greatest(past['variance'], 10.0 * (past['mean'] + 1.0 / past['n']))) >= 10.0
),
-- Consecutive hours are one insight, compared with the baseline before the first of them.
insights AS (
  SELECT
    account_id, aws_region, event_source, event_name, insight_type, error_code, run,
    min(hour) AS begins,
    max(hour) + INTERVAL '1 hour' AS ends,
    count(*) * 60 AS minutes,
    sum(calls) / (count(*) * 60.0) AS average,
    first_value(baseline_average ORDER BY hour) AS baseline_average,
    first_value(baseline_minutes ORDER BY hour) AS baseline_minutes
  FROM unusual
  GROUP BY account_id, aws_region, event_source, event_name, insight_type, error_code, run
),
-- Calls of the insight and of its baseline by identity, client and error.
attributed AS (
  SELECT
    i.account_id, i.aws_region, i.event_source, i.event_name, i.insight_type, i.error_code, i.run, i.minutes,
    i.baseline_minutes,
    coalesce(e.user_identity_arn, e.actor, 'null') AS user_identity_arn,
    coalesce(e.user_agent, 'null') AS user_agent,
    coalesce(e.error_code, 'null') AS answered,
    count(*) FILTER (WHERE e.event_time >= i.begins) AS calls,
    count(*) FILTER (WHERE e.event_time < i.begins) AS baseline_calls
  FROM insights AS i
  JOIN unique_events AS e ON e.account_id = i.account_id AND e.aws_region = i.aws_region
    AND e.event_source = i.event_source AND e.event_name = i.event_name
  WHERE e.event_time >= i.begins - INTERVAL '7 days' AND e.event_time < i.ends
    AND CASE i.insight_type WHEN 'ApiErrorRateInsight' THEN e.error_code = i.error_code
             ELSE e.read_only IS FALSE AND e.management_event IS NOT FALSE END
  GROUP BY i.account_id, i.aws_region, i.event_source, i.event_name, i.insight_type, i.error_code, i.run, i.minutes,
    i.baseline_minutes,
    coalesce(e.user_identity_arn, e.actor, 'null'), coalesce(e.user_agent, 'null'), coalesce(e.error_code, 'null')
),
by_value AS (
  SELECT account_id, aws_region, event_source, event_name, insight_type, error_code, run, attribute, value,
    sum(calls) / CAST(minutes AS DOUBLE) AS average,
    sum(baseline_calls) / CAST(baseline_minutes AS DOUBLE) AS baseline_average
  FROM (
    SELECT *, 'userIdentityArn' AS attribute, user_identity_arn AS value FROM attributed
    UNION ALL
    SELECT *, 'userAgent' AS attribute, user_agent AS value FROM attributed
    UNION ALL
    SELECT *, 'errorCode' AS attribute, answered AS value FROM attributed
  )
  GROUP BY account_id, aws_region, event_source, event_name, insight_type, error_code, run, attribute, value, minutes,
    baseline_minutes
),
-- CloudTrail Insights lists the five most frequent values of each attribute.
by_attribute AS (
  SELECT account_id, aws_region, event_source, event_name, insight_type, error_code, run, attribute,
    array_slice(
      array_agg(named_struct('value', value, 'average', average) ORDER BY average DESC, value)
        FILTER (WHERE average > 0),
      1, 5) AS insight,
    array_slice(
      array_agg(named_struct('value', value, 'average', baseline_average) ORDER BY baseline_average DESC, value)
        FILTER (WHERE baseline_average > 0),
      1, 5) AS baseline
  FROM by_value
  GROUP BY account_id, aws_region, event_source, event_name, insight_type, error_code, run, attribute
),
attributions AS (
  SELECT account_id, aws_region, event_source, event_name, insight_type, error_code, run,
    array_agg(named_struct('attribute', attribute, 'insight', insight, 'baseline', baseline) ORDER BY attribute DESC)
      AS attributions
  FROM by_attribute
  GROUP BY account_id, aws_region, event_source, event_name, insight_type, error_code, run
)
SELECT
  i.begins AS "eventTime",
  i.aws_region AS "awsRegion",
  i.account_id AS "recipientAccountId",
  'AwsCloudTrailInsight' AS "eventType",
  'Insight' AS "eventCategory",
  named_struct(
    'state', 'End',
    'eventSource', i.event_source,
    'eventName', i.event_name,
    'insightType', i.insight_type,
    'errorCode', i.error_code,
    'insightContext', named_struct(
      'statistics', named_struct(
        'baseline', named_struct('average', i.baseline_average),
        'insight', named_struct('average', i.average),
        'insightDuration', i.minutes,
        'baselineDuration', i.baseline_minutes),
      'attributions', a.attributions)) AS "insightDetails"
FROM insights AS i
JOIN attributions AS a ON a.account_id = i.account_id AND a.aws_region = i.aws_region
  AND a.event_source = i.event_source AND a.event_name = i.event_name AND a.insight_type = i.insight_type
  AND (a.error_code IS NOT DISTINCT FROM i.error_code) AND a.run = i.run
ORDER BY i.begins
