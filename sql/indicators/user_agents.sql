-- Every user agent of a call.
SELECT DISTINCT user_agent AS value
FROM events
WHERE event_time >= $from AND event_time < $to
  AND user_agent IS NOT NULL
