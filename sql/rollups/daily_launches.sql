-- One row per identity, instance family and day on which it launched instances: how many, how big.
WITH launched AS (
  SELECT
    event_date, event_time, event_id, account_id, aws_region, actor, failed,
    json_get_str(request_parameters, 'instanceType') AS instance_type,
    coalesce(json_get_int(request_parameters, 'instancesSet', 'items', 0, 'maxCount'), 1) AS asked_for
  FROM identified_calls
  WHERE NOT by_service
    AND in_api_list('launches_instances', event_source, event_name)
),
sized AS (
  SELECT
    *,
    split_part(instance_type, '.', 1) AS family,
    CASE WHEN instance_type LIKE '%.metal%' THEN 96
         WHEN regexp_like(instance_type, '\.[0-9]+xlarge$')
           THEN CAST(regexp_replace(split_part(instance_type, '.', 2), 'xlarge$', '') AS BIGINT)
         WHEN instance_type LIKE '%.xlarge' THEN 1
         ELSE 0 END AS xlarges,
    -- Families with accelerators: P and G have GPUs, Inf, Trn and DL chips for models, F and VT programmable logic.
    regexp_like(instance_type, '^(p[0-9]|g[0-9]|inf[0-9]|trn[0-9]|dl[0-9]|f[0-9]|vt[0-9])') AS accelerated
  FROM launched
)
SELECT
  event_date,
  account_id,
  actor,
  family,
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  count(*) AS calls,
  count(*) FILTER (WHERE failed) AS failures,
  sum(asked_for) AS instances,
  max(xlarges) AS xlarges,
  bool_or(accelerated) AS accelerated,
  array_sort(array_agg(DISTINCT instance_type)) AS instance_types,
  array_sort(array_agg(DISTINCT aws_region)) AS regions,
  evidence(event_id, event_time) AS evidence
FROM sized
GROUP BY event_date, account_id, actor, family
