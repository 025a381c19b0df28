WITH periods (period, days) AS (
    VALUES ('last_day', 1), ('last_7_days', 7), ('last_14_days', 14),
        ('last_30_days', 30), ('last_90_days', 90), ('all', 1000000)
),
-- Each reading counts once, in the shortest period that holds it, at its value.
readings AS (
    SELECT
        *,
        epoch_us(
            lead(reading_timestamp) OVER (PARTITION BY site ORDER BY reading_timestamp)
        ) - epoch_us(reading_timestamp) AS elapsed,
        CASE
            WHEN newest - reading_date < 1 THEN 1
            WHEN newest - reading_date < 7 THEN 7
            WHEN newest - reading_date < 14 THEN 14
            WHEN newest - reading_date < 30 THEN 30
            WHEN newest - reading_date < 90 THEN 90
            ELSE 1000000
        END AS days
    FROM fct_glucose_readings
    JOIN newest USING (site)
),
classes AS MATERIALIZED (
    SELECT
        site, days, glucose_mg_dl AS glucose,
        count(*) AS readings,
        min(reading_date) AS first_date, max(reading_date) AS last_date,
        min(reading_timestamp) AS first_at, max(reading_timestamp) AS last_at,
        coalesce(sum(elapsed) FILTER (elapsed <= 2700000000), 0) AS elapsed,
        coalesce(sum(elapsed) FILTER (elapsed < 180000000), 0) AS elapsed_1,
        coalesce(sum(elapsed) FILTER (elapsed < 600000000), 0) AS elapsed_5,
        sum(if(elapsed <= 90000000, elapsed, 60000000)) AS reach_1,
        sum(if(elapsed <= 450000000, elapsed, 300000000)) AS reach_5,
        sum(if(elapsed <= 1350000000, elapsed, 900000000)) AS reach_15
    FROM readings
    GROUP BY ALL
),
values_of_periods AS MATERIALIZED (
    SELECT
        site, period, glucose,
        sum(readings) AS times,
        min(first_date) AS first_date, max(last_date) AS last_date,
        min(first_at) AS first_at, max(last_at) AS last_at,
        sum(elapsed) AS elapsed, sum(elapsed_1) AS elapsed_1, sum(elapsed_5) AS elapsed_5,
        sum(reach_1) AS reach_1, sum(reach_5) AS reach_5, sum(reach_15) AS reach_15
    FROM classes
    JOIN periods ON classes.days <= periods.days
    GROUP BY ALL
),
sums AS (
    SELECT
        site, period,
        sum(times)::BIGINT AS readings,
        sum(glucose * times)::DOUBLE / readings AS mean,
        sum(glucose * glucose * times) - sum(glucose * times)::DOUBLE ** 2 / readings AS squares,
        sqrt(squares / nullif(readings - 1, 0)) AS stddev,
        min(first_date) AS first_date, max(last_date) AS last_date,
        CASE
            WHEN sum(elapsed) = 0 THEN 5
            WHEN 2 * sum(elapsed_1) >= sum(elapsed) THEN 1
            WHEN 2 * sum(elapsed_5) >= sum(elapsed) THEN 5
            ELSE 15
        END AS cadence,
        CASE cadence WHEN 1 THEN sum(reach_1) WHEN 5 THEN sum(reach_5) ELSE sum(reach_15) END AS reach,
        100 * reach / (epoch_us(max(last_at)) - epoch_us(min(first_at)) + cadence * 60000000)
            AS active,
        sum(times) FILTER (glucose BETWEEN 70 AND 180) AS in_range,
        sum(times) FILTER (glucose BETWEEN 70 AND 140) AS in_tight_range,
        sum(times) FILTER (glucose < 54) AS below_54,
        sum(times) FILTER (glucose < 70) AS below_70,
        sum(times) FILTER (glucose > 180) AS above_180,
        sum(times) FILTER (glucose > 250) AS above_250,
        max(coalesce(target_low, 70)) AS target_low_mg_dl,
        max(coalesce(target_high, 180)) AS target_high_mg_dl,
        sum(times) FILTER (
            glucose BETWEEN coalesce(target_low, 70) AND coalesce(target_high, 180)
        ) AS in_target,
        sum(times) FILTER (glucose < coalesce(target_low, 70)) AS below_target,
        sum(times) FILTER (glucose > coalesce(target_high, 180)) AS above_target,
        sum(10 * least(1.509 * (ln(glucose) ** 1.084 - 5.381), 0) ** 2 * times) AS low_risk,
        sum(10 * greatest(1.509 * (ln(glucose) ** 1.084 - 5.381), 0) ** 2 * times) AS high_risk
    FROM values_of_periods
    LEFT JOIN raw_sites USING (site)
    GROUP BY site, period
),
cumulated AS (
    SELECT
        site, period, glucose,
        sum(times) OVER (PARTITION BY site, period ORDER BY glucose) AS up_to,
        sum(times) OVER (PARTITION BY site, period) - 1 AS last
    FROM values_of_periods
),
-- Linear between the two nearest ranks.
quantiles AS (
    SELECT
        site, period, share,
        min(glucose) FILTER (up_to > floor(share * last)) AS low,
        min(glucose) FILTER (up_to > least(floor(share * last) + 1, last)) AS high,
        low + (any_value(share * last) - floor(any_value(share * last))) * (high - low) AS quantile
    FROM cumulated
    CROSS JOIN (SELECT unnest([0.05, 0.25, 0.5, 0.75, 0.95])::DOUBLE AS share)
    GROUP BY site, period, share
),
percentiles AS (
    SELECT
        site, period,
        any_value(quantile) FILTER (share = 0.05) AS p05,
        any_value(quantile) FILTER (share = 0.25) AS p25,
        any_value(quantile) FILTER (share = 0.5) AS p50,
        any_value(quantile) FILTER (share = 0.75) AS p75,
        any_value(quantile) FILTER (share = 0.95) AS p95
    FROM quantiles
    GROUP BY site, period
),
-- Five-minute means against those a day later.
means AS MATERIALIZED (
    SELECT
        site, epoch_us(reading_timestamp) // 300000000 AS slot,
        max(days) AS days, avg(glucose_mg_dl) AS glucose
    FROM readings
    GROUP BY ALL
),
apart AS (
    SELECT site, a.days, sum(abs(b.glucose - a.glucose)) AS apart, count(*) AS pairs
    FROM means AS a JOIN means AS b USING (site)
    WHERE b.slot = a.slot + 288
    GROUP BY ALL
),
day_to_day AS (
    SELECT site, period, sum(apart) / sum(pairs) AS modd
    FROM apart JOIN periods ON apart.days <= periods.days
    GROUP BY ALL
),
episodes AS (
    SELECT
        site, period,
        count(*) FILTER (level = 1) AS hypo_episodes_level1,
        count(*) FILTER (level = 2) AS hypo_episodes_level2
    FROM mrt_glucose_episodes
    JOIN newest USING (site)
    JOIN periods ON newest - local_date < periods.days
    WHERE kind = 'hypo'
    GROUP BY ALL
)
SELECT
    site,
    period,
    first_date,
    last_date,
    readings AS reading_count,
    active AS percent_active,
    active >= 70 AS is_sufficient,
    mean AS avg_glucose,
    stddev AS stddev_glucose,
    100 * stddev / mean AS cv_percent,
    3.31 + 0.02392 * mean AS gmi,
    (mean + 46.7) / 28.7 AS ea1c,
    coalesce(in_range, 0)::BIGINT AS readings_in_range,
    coalesce(in_tight_range, 0)::BIGINT AS readings_in_tight_range,
    coalesce(below_54, 0)::BIGINT AS readings_below_54,
    coalesce(below_70, 0)::BIGINT AS readings_below_70,
    coalesce(above_180, 0)::BIGINT AS readings_above_180,
    coalesce(above_250, 0)::BIGINT AS readings_above_250,
    100 * coalesce(in_range, 0) / readings AS percent_in_range,
    100 * coalesce(in_tight_range, 0) / readings AS percent_in_tight_range,
    100 * coalesce(below_54, 0) / readings AS percent_below_54,
    100 * coalesce(below_70, 0) / readings AS percent_below_70,
    100 * coalesce(above_180, 0) / readings AS percent_above_180,
    100 * coalesce(above_250, 0) / readings AS percent_above_250,
    target_low_mg_dl,
    target_high_mg_dl,
    coalesce(in_target, 0)::BIGINT AS readings_in_target,
    coalesce(below_target, 0)::BIGINT AS readings_below_target,
    coalesce(above_target, 0)::BIGINT AS readings_above_target,
    100 * coalesce(in_target, 0) / readings AS percent_in_target,
    100 * coalesce(below_target, 0) / readings AS percent_below_target,
    100 * coalesce(above_target, 0) / readings AS percent_above_target,
    least(
        3.0 * percent_below_54 + 2.4 * (percent_below_70 - percent_below_54)
        + 1.6 * percent_above_250 + 0.8 * (percent_above_180 - percent_above_250),
        100
    ) AS gri,
    CASE
        WHEN gri <= 20 THEN 'A'
        WHEN gri <= 40 THEN 'B'
        WHEN gri <= 60 THEN 'C'
        WHEN gri <= 80 THEN 'D'
        ELSE 'E'
    END AS gri_zone,
    low_risk / readings AS lbgi,
    high_risk / readings AS hbgi,
    0.001 * (mean + stddev) ** 2 AS j_index,
    modd,
    p05,
    p25,
    p50,
    p75,
    p95,
    coalesce(hypo_episodes_level1, 0) AS hypo_episodes_level1,
    coalesce(hypo_episodes_level2, 0) AS hypo_episodes_level2
FROM sums
LEFT JOIN percentiles USING (site, period)
LEFT JOIN day_to_day USING (site, period)
LEFT JOIN episodes USING (site, period)
