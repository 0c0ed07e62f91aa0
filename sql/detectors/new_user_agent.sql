/*
title      = "Kind of client never seen for this identity"
severity   = "low"
confidence = "medium"
attack     = ["T1078.004"]
why        = "Somebody who takes over credentials uses their own tools."
benign     = ["A new tool or SDK", "A job that was rewritten", "A first look into the console"]
respond    = ["Ask the owner whether the client is theirs", "List what it called: trailhunt query key_timeline"]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = "days of history an identity needs to be evaluated" }
min_active_days = { default = 5, min = 1, help = "active days an identity needs to be evaluated" }
min_surprise    = { default = 4.5, min = 0.0, help = "minimum surprise of new clients, in nats" }
*/
-- One tool can send several user agents: the rarest counts.
WITH days AS MATERIALIZED (
  SELECT *, rarity_max + steadiness AS surprise
  FROM first_times('user_agent', $from, $to, $warm_up_days, FALSE)
  WHERE active_days >= $min_active_days AND rarity_max + steadiness >= $min_surprise
)
SELECT
  d.first_time,
  max(c.event_time) AS last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  -- Scale: 8 nats, almost twice the least that is reported.
  saturating_score(d.surprise, 8.0) AS score,
  d.actor || ' called with ' || listed(d.items, 3) || ' for the first time; '
    || d.users_before || ' of ' || counted(d.identities_before, 'identity', 'identities')
    || ' used it before; a new client on ' || d.new_days || ' of ' || counted(d.active_days, 'day', 'days') || ' before'
    AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.items AS clients,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_client
FROM days AS d
JOIN calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  AND array_has(d.items, c.client)
-- agent_first_use reports agents.
WHERE NOT c.by_service AND c.agent IS NULL AND c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.actor, d.account_id, d.items, d.users_before, d.identities_before, d.surprise,
  d.known_since, d.active_days, d.new_days
