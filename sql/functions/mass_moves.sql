-- mass_moves(from, to): networks that many people used for the first time on one day of the last seven, as when a proxy
-- is switched on or an office gets another line: at least a third of the people of the busiest day of the week before,
-- or a crowd of 8. Networks of one provider are one: its organisations begin with the same word. An attacker rarely
-- holds the credentials of so many.
SELECT d.event_date, m.asn, max(m.people) AS people
FROM (
  SELECT
    n.event_date, CAST(n.item AS BIGINT) AS asn,
    count(DISTINCT regexp_replace(n.actor, '^.*/', '')) OVER (PARTITION BY n.event_date, p.provider) AS people
  FROM novelties AS n
  JOIN (
    SELECT DISTINCT event_date, asn, upper(regexp_match(organisation, '[A-Za-z0-9]+')[1]) AS provider
    FROM daily_network
    WHERE event_date >= CAST($from AS DATE) - INTERVAL '6 days' AND event_date < CAST($to AS DATE)
  ) AS p ON p.event_date = n.event_date AND CAST(p.asn AS VARCHAR) = n.item
  WHERE n.kind = 'asn' AND NOT is_machine(n.actor) AND n.first_time > n.known_since
    AND n.event_date >= CAST($from AS DATE) - INTERVAL '6 days' AND n.event_date < CAST($to AS DATE)
) AS m
JOIN (
  SELECT
    event_date,
    max(people) OVER (ORDER BY event_date RANGE BETWEEN INTERVAL '6 days' PRECEDING AND CURRENT ROW) AS people
  FROM (
    SELECT event_date, count(DISTINCT regexp_replace(actor, '^.*/', '')) AS people
    FROM daily_network
    WHERE NOT is_machine(actor)
      AND event_date >= CAST($from AS DATE) - INTERVAL '12 days' AND event_date < CAST($to AS DATE)
    GROUP BY event_date
  )
) AS a ON a.event_date = m.event_date
JOIN (
  SELECT DISTINCT event_date FROM daily_account
  WHERE event_date >= CAST($from AS DATE) AND event_date < CAST($to AS DATE)
) AS d ON d.event_date BETWEEN m.event_date AND m.event_date + INTERVAL '6 days'
WHERE m.people >= 8 OR (m.people >= 3 AND 3 * m.people >= a.people)
GROUP BY d.event_date, m.asn
