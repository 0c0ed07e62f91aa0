/*
title      = "Kind of client never seen for this identity"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004"]
why        = "Whoever takes over credentials brings tools of their own."
benign     = ["A new tool or SDK", "A job that was written anew", "A first look into the console"]
respond    = ["Ask the owner whether the client is theirs", "List what it called: queries/key_timeline.sql"]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = "days of history an identity needs before it can be judged" }
min_active_days = { default = 5, min = 1, help = "and the days of them it was active on" }
min_surprise    = { default = 4.5, min = 0.0, help = "nats; a new client less surprising is left out" }
*/
WITH days AS MATERIALIZED (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    max(identities_before) AS identities_before,
    min(users_before) AS users_before,
    array_agg(item ORDER BY rarity DESC, item) AS clients,
    -- One set of tools sends several names: the rarest speaks for all.
    max(rarity) + max(steadiness) AS surprise
  FROM novelties
  WHERE kind = 'user_agent'
    AND event_date >= CAST($from AS DATE) AND first_time >= $from AND first_time < $to
    AND history_days >= $warm_up_days
    AND active_days >= $min_active_days
  GROUP BY actor, account_id, event_date
  HAVING max(rarity) + max(steadiness) >= $min_surprise
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-d.surprise / 8.0) AS score,
  d.actor || ' called with ' || array_to_string(array_slice(d.clients, 1, 3), ', ') || ' for the first time; '
    || d.users_before || ' of ' || d.identities_before || ' identities had before, and it brought a new client on '
    || d.new_days || ' of ' || d.active_days || ' days' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.clients,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_client
FROM days AS d
JOIN calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  AND array_has(d.clients, c.client)
WHERE NOT c.by_service AND c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.actor, d.account_id, d.clients, d.users_before, d.identities_before, d.surprise,
  d.known_since, d.active_days, d.new_days
