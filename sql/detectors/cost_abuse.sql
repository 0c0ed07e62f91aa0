/*
title      = "Mail, models or machines for hire tried by an identity that never used them"
severity   = "low"
confidence = "medium"
attack     = ["T1496.004", "T1496.001", "T1526"]
why        = "A stolen key is sold by what it can send or compute: quotas are read in every region, then models and mail run at another's cost."
benign     = ["A first project with the service", "A service that was moved to another region"]
respond    = ["Disable the key", "Ask for the quotas to be lowered, and read the bill of the day"]
[params]
min_regions = { default = 2, min = 2, help = "regions whose mail quotas an identity new to mail reads within a day" }
min_calls   = { default = 10, min = 2, help = "paid calls on the first days with a service from which it is no trial" }
first_days  = { default = 2, min = 1, help = "active days with a service after which it is known to the identity" }
*/
WITH used AS (
  SELECT *, split_part(event_source, '.', 1) AS service
  FROM calls
  WHERE event_time >= $from AND event_time < $to
    AND NOT by_service
    AND event_source IN ('ses.amazonaws.com', 'email.amazonaws.com', 'bedrock.amazonaws.com', 'bedrock-runtime.amazonaws.com',
      'sagemaker.amazonaws.com', 'sms-voice.amazonaws.com', 'pinpoint.amazonaws.com', 'lightsail.amazonaws.com', 'braket.amazonaws.com')
),
daily AS MATERIALIZED (
  SELECT
    actor, account_id, event_source, event_date,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) AS calls,
    count(*) FILTER (WHERE failed) AS failures,
    bool_or(coalesce(access_key_id LIKE 'AKIA%', FALSE)) AS with_long_lived_key,
    -- What costs, or what makes a way to send.
    count(*) FILTER (WHERE api IN ('InvokeModel', 'InvokeModelWithResponseStream', 'Converse', 'ConverseStream', 'SendEmail', 'SendRawEmail',
      'SendBulkTemplatedEmail', 'SendTextMessage', 'CreateInstances', 'CreateTrainingJob', 'CreateNotebookInstance', 'CreateProcessingJob',
      'CreateQuantumTask')) AS paid,
    count(*) FILTER (WHERE api IN ('VerifyEmailIdentity', 'VerifyDomainIdentity', 'CreateEmailIdentity', 'UpdateAccountSendingEnabled',
      'PutAccountDetails', 'PutUseCaseForModelAccess', 'PutFoundationModelEntitlement', 'CreateFoundationModelAgreement',
      'DeleteModelInvocationLoggingConfiguration')) AS opened,
    count(*) FILTER (WHERE api IN ('GetSendQuota', 'GetAccount', 'GetAccountSendingEnabled', 'ListServiceQuotas')) AS probes,
    count(DISTINCT CASE WHEN api IN ('GetSendQuota', 'GetAccount', 'GetAccountSendingEnabled') THEN aws_region END) AS regions,
    array_distinct(array_agg(api ORDER BY event_time, event_id)) AS apis,
    evidence(event_id, event_time) AS evidence
  FROM used
  GROUP BY actor, account_id, event_source, event_date
),
-- Earlier days of the identity, and of its peers, with the service.
active AS (
  SELECT
    actor, account_id, event_source, event_date,
    count(*) OVER (PARTITION BY actor, account_id, event_source ORDER BY event_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_before,
    coalesce(max(calls) OVER (PARTITION BY peers, event_source ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS most_of_peers
  FROM (
    SELECT
      peer_group(actor) AS peers, actor, account_id, event_source, event_date, CAST(to_unixtime(event_date) / 86400 AS BIGINT) AS day,
      CAST(sum(calls) AS BIGINT) AS calls
    FROM daily_api_use
    WHERE event_source IN (SELECT event_source FROM daily)
    GROUP BY peer_group(actor), actor, account_id, event_source, event_date
  )
),
judged AS (
  SELECT
    d.*,
    coalesce(a.days_before, 0) AS days_before,
    coalesce(a.most_of_peers, 0) AS most_of_peers,
    -- A workload's role that is new to a service was rolled out; a key that is was found.
    d.with_long_lived_key AND (d.regions >= $min_regions OR d.paid >= $min_calls OR (d.opened > 0 AND d.probes > 0))
      AND d.calls > 2 * coalesce(a.most_of_peers, 0) AS is_abuse
  FROM daily AS d
  LEFT JOIN active AS a ON a.actor = d.actor AND a.account_id = d.account_id AND a.event_source = d.event_source AND a.event_date = d.event_date
)
SELECT
  first_time,
  last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  CASE WHEN is_abuse THEN 0.8 ELSE 0.3 END AS score,
  CASE WHEN is_abuse THEN 'medium' ELSE 'low' END AS severity,
  actor || CASE WHEN failures = calls THEN ' tried ' ELSE ' used ' END || event_source || ' with ' || calls || ' calls'
    || CASE WHEN regions > 1 THEN ', quotas of ' || regions || ' regions' ELSE '' END
    || CASE WHEN paid > 0 THEN ', ' || paid || ' at a cost' ELSE '' END
    || CASE WHEN failures > 0 THEN ', ' || failures || ' failed' ELSE '' END
    || '; on ' || days_before || ' days before, the most of a peer in a day was ' || most_of_peers AS summary,
  evidence,
  calls AS events,
  event_source AS key,
  apis,
  regions,
  failures AS failed_calls,
  days_before AS baseline_days_it_used_the_service,
  most_of_peers AS baseline_most_calls_of_a_peer_in_a_day
FROM judged
WHERE days_before < $first_days
  AND (paid > 0 OR opened > 0 OR probes > 0)
