/*
title      = "Bucket, secret, key, role or type of instance never touched by this identity"
severity   = "low"
confidence = "low"
attack     = ["T1530", "T1555.006", "T1078.004"]
why        = "A thief opens drawers whose owner never did."
benign     = ["New duties", "A resource that was made today", "A migration"]
respond    = ["Ask the owner what they needed it for", "Look at what was read or taken"]
[params]
warm_up_days    = { default = 7, min = 1, max = 90, help = "days of history an identity needs before it can be judged" }
min_active_days = { default = 10, min = 1, help = "and the days of them it was active on" }
min_surprise    = { default = 6.5, min = 0.0, help = "nats; a day whose new resources are less surprising is left out" }
*/
WITH days AS (
  SELECT
    actor, account_id, event_date,
    min(first_time) AS first_time,
    max(last_time) AS last_time,
    min(known_since) AS known_since,
    max(active_days) AS active_days,
    max(new_days) AS new_days,
    max(identities_before) AS identities_before,
    min(users_before) AS users_before,
    count(*) AS resources,
    array_agg(item ORDER BY rarity DESC, item) AS items,
    -- The rarest one, how many more there are, and how seldom the identity reaches for anything new.
    max(rarity) + ln(count(*)) + max(steadiness) AS surprise
  FROM novelties
  WHERE kind = 'target'
    AND first_time >= $from AND first_time < $to
    AND history_days >= $warm_up_days
    AND active_days >= $min_active_days
    -- What nobody ever touched was made today.
    AND users_before > 0
  GROUP BY actor, account_id, event_date
  HAVING max(rarity) + ln(count(*)) + max(steadiness) >= $min_surprise
)
SELECT
  d.first_time,
  d.last_time,
  'actor' AS entity_type,
  d.actor AS entity,
  d.account_id,
  CAST(NULL AS VARCHAR) AS region,
  1.0 - exp(-d.surprise / 12.0) AS score,
  d.actor || ' touched ' || CASE WHEN d.resources = 1 THEN d.items[1]
    ELSE d.resources || ' resources, among them ' || array_to_string(array_slice(d.items, 1, 3), ', ') END
    || ' for the first time in ' || d.active_days || ' active days'
    || CASE WHEN count(*) FILTER (WHERE c.failed) > 0 THEN '; ' || count(*) FILTER (WHERE c.failed) || ' of ' || count(*) || ' calls failed' ELSE '' END
    || '; of ' || d.identities_before || ' identities ' || d.users_before || ' had before' AS summary,
  evidence(c.event_id, c.event_time) AS evidence,
  count(*) AS events,
  d.items AS resources,
  count(*) FILTER (WHERE c.failed) AS failed_calls,
  d.surprise AS surprise_nats,
  d.known_since AS baseline_since,
  d.active_days AS baseline_active_days,
  d.new_days AS baseline_days_with_a_new_resource
FROM days AS d
JOIN targeted_calls AS c ON c.actor = d.actor AND c.account_id = d.account_id AND c.event_date = d.event_date
  AND array_has(d.items, c.kind || ' ' || c.target)
WHERE c.event_time >= $from AND c.event_time < $to
GROUP BY d.first_time, d.last_time, d.actor, d.account_id, d.items, d.resources, d.surprise, d.users_before, d.identities_before,
  d.known_since, d.active_days, d.new_days
