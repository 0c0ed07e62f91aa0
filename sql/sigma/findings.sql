-- Findings of Sigma rules: one per rule, identity and day, unless the rule matches this identity or this organisation
-- routinely. Each day is judged by the days before it, 90 at most.
WITH by_identity AS (
  SELECT
    event_date,
    date_part('epoch', event_date) / 86400 AS day,
    rule,
    actor,
    account_id,
    sum(matches) AS matches
  FROM sigma_days
  WHERE rule IS NOT NULL
  GROUP BY event_date, rule, actor, account_id
),
of_identity AS (
  SELECT
    *,
    count(*) OVER (PARTITION BY rule, actor, account_id ORDER BY day RANGE BETWEEN 90 PRECEDING AND 1 PRECEDING)
      AS days_of_identity
  FROM by_identity
),
of_organisation AS (
  SELECT
    event_date, day, rule,
    count(*) OVER (PARTITION BY rule ORDER BY day RANGE BETWEEN 90 PRECEDING AND 1 PRECEDING) AS days_of_organisation
  FROM (SELECT DISTINCT event_date, day, rule FROM by_identity)
),
evaluated AS (
  SELECT
    event_date,
    count(*) OVER (ORDER BY day RANGE BETWEEN 90 PRECEDING AND 1 PRECEDING) AS days
  FROM (SELECT DISTINCT event_date, date_part('epoch', event_date) / 86400 AS day FROM sigma_days)
),
-- With a short history, those who matched it so far tell what is usual. People are compared with people.
crowds AS (
  SELECT o.event_date, o.rule, is_machine(b.actor) AS is_machine, count(DISTINCT b.actor) AS identities
  FROM of_organisation AS o
  JOIN evaluated AS e ON e.event_date = o.event_date
  JOIN by_identity AS b ON b.rule = o.rule AND b.event_date <= o.event_date
    AND b.day >= o.day - 90
  WHERE e.days < $common_days AND NOT coalesce(is_service_caller(b.actor), FALSE)
  GROUP BY o.event_date, o.rule, is_machine(b.actor)
),
judged AS MATERIALIZED (
  SELECT *
  FROM (
    SELECT
      i.event_date, i.rule, i.actor, i.account_id, i.days_of_identity, o.days_of_organisation, e.days,
      coalesce(c.identities, 0) AS identities,
      r.name, r.title, r.links, coalesce(r.level, 'low') AS level,
      -- On at least half of the days, somebody; with a short history, several identities. What AWS's services do by
      -- themselves is never judged.
      (e.days >= $common_days AND 2 * o.days_of_organisation >= e.days)
        OR coalesce(c.identities > $crowd, FALSE)
        OR coalesce(is_service_caller(i.actor), FALSE) AS is_common
    FROM of_identity AS i
    JOIN of_organisation AS o ON o.event_date = i.event_date AND o.rule = i.rule
    JOIN evaluated AS e ON e.event_date = i.event_date
    JOIN sigma_rules AS r ON r.rule = i.rule
    LEFT JOIN crowds AS c ON c.event_date = i.event_date AND c.rule = i.rule AND c.is_machine = is_machine(i.actor)
    WHERE i.event_date >= CAST($from AS DATE) AND i.event_date < CAST($to AS DATE)
      AND r.is_reported
  )
  -- What is common or only informs is worth a finding when it is new, which takes some days to tell.
  WHERE CASE WHEN level NOT IN ('medium', 'high', 'critical') THEN
               days_of_identity = 0 AND days >= $warm_up_days AND NOT is_common
             WHEN is_common THEN days_of_identity = 0 AND days >= $warm_up_days
             ELSE days_of_identity < $routine_days END
),
found AS (
  SELECT rule, event_date, event_time, event_id, actor, account_id, aws_region, event_name, error_code
  FROM sigma_matches
  WHERE event_time >= $from AND event_time < $to
  UNION ALL
  SELECT rule, event_date, event_time, event_id, actor, account_id, aws_region, event_name, error_code
  FROM sigma_correlated
  WHERE event_time >= $from AND event_time < $to
),
-- What is judged is small and comes first: the join keeps it in memory.
daily AS (
  SELECT
    j.rule, j.event_date, j.actor, j.account_id,
    min(f.event_time) AS first_time,
    max(f.event_time) AS last_time,
    count(*) AS events,
    count(*) FILTER (WHERE f.error_code IS NOT NULL) AS failures,
    count(DISTINCT f.aws_region) AS regions,
    min(f.aws_region) AS region,
    array_distinct(array_agg(f.event_name ORDER BY f.event_time, f.event_id)) AS apis,
    evidence(f.event_id, f.event_time, f.event_name) AS evidence
  FROM judged AS j
  JOIN found AS f ON f.rule = j.rule AND f.event_date = j.event_date
    AND coalesce(f.actor, '') = coalesce(j.actor, '') AND coalesce(f.account_id, '') = coalesce(j.account_id, '')
  GROUP BY j.rule, j.event_date, j.actor, j.account_id
)
SELECT
  j.name AS detector,
  d.first_time,
  d.last_time,
  CASE WHEN d.actor IS NOT NULL THEN 'actor' WHEN d.account_id IS NOT NULL THEN 'account' ELSE 'rule' END
    AS entity_type,
  coalesce(d.actor, d.account_id, j.rule) AS entity,
  d.account_id,
  CASE WHEN d.regions = 1 THEN d.region END AS region,
  -- Laplace's rule of succession: the probability that a day has such a match, of this identity and of anybody.
  1.0 - ((j.days_of_identity + 1.0) + (j.days_of_organisation + 1.0)) / (2.0 * (j.days + 2.0)) AS score,
  CASE WHEN j.is_common AND level <> 'informational' THEN 'low' ELSE level END AS severity,
  coalesce(d.actor, 'somebody') || CASE WHEN d.failures = d.events THEN ' tried ' ELSE ' called ' END
    || listed(d.apis, 5) || also_failed(d.failures, d.events)
    -- An ARN names the account already.
    || CASE WHEN d.account_id IS NULL OR strpos(d.actor, d.account_id) > 0 THEN '' ELSE ' in ' || d.account_id END
    || ': "' || j.title || '"'
    || CASE WHEN j.days = 0 THEN '; no earlier days to compare with'
            ELSE CASE WHEN j.days_of_identity = 0 THEN '; first match of this identity in '
                      ELSE '; this identity matched on ' || counted(j.days_of_identity, 'day', 'days') || ' of ' END
              || counted(j.days, 'day', 'days')
              || CASE WHEN j.days_of_organisation = 0 THEN ', and of anybody'
                      ELSE '; the organisation on ' || counted(j.days_of_organisation, 'day', 'days') END END
      || CASE WHEN j.identities > $crowd THEN '; so far ' || counted(j.identities, 'identity', 'identities') ELSE '' END
    AS summary,
  d.evidence,
  d.events,
  d.apis,
  j.rule AS sigma_rule,
  j.links AS sigma_references,
  j.days_of_identity AS baseline_days_of_identity,
  j.days_of_organisation AS baseline_days_of_organisation,
  j.days AS baseline_days
FROM daily AS d
JOIN judged AS j ON j.rule = d.rule AND j.event_date = d.event_date
  AND coalesce(j.actor, '') = coalesce(d.actor, '') AND coalesce(j.account_id, '') = coalesce(d.account_id, '')
