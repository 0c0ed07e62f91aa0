/*
title      = "What it finds, as a headline"
severity   = "medium"          # informational | low | medium | high | critical
confidence = "medium"          # low | medium | high
kind       = "behaviour"       # behaviour: what is common here is low | fact: dangerous in itself
attack     = ["T1078.004"]
why        = "What it means if it is true."
benign     = ["A harmless cause"]
respond    = ["What to do first"]
[params]
min_calls = { default = 1, min = 1, help = "calls per day that are worth a finding" }
*/
SELECT
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  aws_region AS region,
  0.5 AS score,
  actor || ': ' || api || ' called ' || counted(count(*), 'time', 'times') AS summary,
  evidence(event_id, event_time) AS evidence,
  count(*) AS events
FROM calls
WHERE event_time >= $from AND event_time < $to
  AND NOT by_service
  AND event_source = 'cloudtrail.amazonaws.com'
  AND api = 'TheCallToLookFor' -- replace this name; the test fails until you do
GROUP BY actor, account_id, aws_region, api, event_date
HAVING count(*) >= $min_calls
