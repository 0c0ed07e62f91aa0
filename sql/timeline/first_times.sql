-- What these identities did for the first time.
SELECT actor, kind, item, first_time, history_days
FROM novelties
WHERE actor IN ({wanted})
  AND event_date IN ({days})
  AND first_time >= $from AND first_time < $to
  AND kind IN ('api', 'country', 'asn', 'user_agent', 'region')
