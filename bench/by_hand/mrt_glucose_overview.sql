WITH readings AS (
    SELECT
        site, reading_date, reading_timestamp,
        glucose_mg_dl AS glucose,
        coalesce(target_low, 70) AS target_low,
        coalesce(target_high, 180) AS target_high
    FROM fct_glucose_readings AS f
    LEFT JOIN raw_sites USING (site)
),
days AS (
    SELECT
        site, reading_date,
        count(*) AS readings,
        avg(glucose) AS mean,
        stddev_samp(glucose) AS stddev,
        min(glucose) AS lowest,
        max(glucose) AS highest,
        count_if(glucose BETWEEN 70 AND 180) AS in_range,
        count_if(glucose BETWEEN 70 AND 140) AS in_tight_range,
        count_if(glucose < 54) AS below_54,
        count_if(glucose < 70) AS below_70,
        count_if(glucose > 180) AS above_180,
        count_if(glucose > 250) AS above_250,
        max(reading_timestamp) AS last_reading_at,
        arg_max(glucose, reading_timestamp) AS last_glucose,
        max(target_low) AS target_low_mg_dl,
        max(target_high) AS target_high_mg_dl,
        count_if(glucose BETWEEN target_low AND target_high) AS in_target,
        count_if(glucose < target_low) AS below_target,
        count_if(glucose > target_high) AS above_target
    FROM readings
    GROUP BY site, reading_date
),
episodes AS (
    SELECT site, local_date AS reading_date, count(*) AS hypo_episodes
    FROM mrt_glucose_episodes
    WHERE kind = 'hypo' AND level = 1
    GROUP BY ALL
),
held AS (
    SELECT
        site, local_date AS reading_date,
        max(duration_minutes) FILTER (kind = 'hypo' AND level = 1) AS longest_hypo,
        max(duration_minutes) FILTER (kind = 'hyper' AND level = 2) AS longest_hyper
    FROM mrt_glucose_episodes
    WHERE local_date = local_end_date
    GROUP BY ALL
),
uploads AS (
    SELECT
        site, glucose_mg_dl AS glucose,
        timezone(timezone, make_timestamptz(at_us))::DATE AS reading_date,
        greatest(at_us - lag(at_us) OVER trace, lead(at_us) OVER trace - at_us) AS apart,
        lag(glucose_mg_dl) OVER trace AS before,
        lead(glucose_mg_dl) OVER trace AS after,
        greatest(40, greatest(glucose, before) * 20 // 100) AS step
    FROM entries
    WINDOW trace AS (PARTITION BY site ORDER BY at_us, entry_id)
),
disagreeing AS (
    SELECT
        site, reading_date, count(*) AS disagreeing, min(glucose) AS least, max(glucose) AS most
    FROM uploads
    WHERE apart <= 300000000
        AND before IS NOT NULL AND after IS NOT NULL
        AND (
            least(glucose - before, glucose - after) > step
            OR greatest(glucose - before, glucose - after) < -step
        )
    GROUP BY ALL
    HAVING count(*) >= 12
),
judged AS (
    SELECT
        *,
        minutes_below_70 > 15 OR coalesce(longest_hypo > 15, false) AS critical,
        minutes_above_250 > 25 OR coalesce(longest_hyper > 25, false) AS alert,
        disagreeing IS NOT NULL AS disagree,
        coalesce(abs(100 * below_54 / readings - 100 * minutes_below_54 / traced) > 5, false)
            AS differs_below_54,
        coalesce(abs(100 * below_70 / readings - 100 * minutes_below_70 / traced) > 5, false)
            AS differs_below_70,
        coalesce(abs(100 * above_180 / readings - 100 * minutes_above_180 / traced) > 5, false)
            AS differs_above_180,
        coalesce(abs(100 * above_250 / readings - 100 * minutes_above_250 / traced) > 5, false)
            AS differs_above_250
    FROM days
    JOIN parts USING (site, reading_date)
    LEFT JOIN episodes USING (site, reading_date)
    LEFT JOIN held USING (site, reading_date)
    LEFT JOIN disagreeing USING (site, reading_date)
    WHERE until = 24
)
SELECT
    site,
    reading_date,
    readings AS total_readings,
    covered AS coverage_percent,
    mean AS avg_glucose_mg_dl,
    lowest AS min_glucose_mg_dl,
    highest AS max_glucose_mg_dl,
    stddev AS stddev_glucose,
    100 * stddev / mean AS cv_percent,
    last_reading_at,
    last_glucose AS last_glucose_mg_dl,
    in_range::BIGINT AS readings_in_range,
    in_tight_range::BIGINT AS readings_in_tight_range,
    below_54::BIGINT AS readings_below_54,
    below_70::BIGINT AS readings_below_70,
    above_180::BIGINT AS readings_above_180,
    above_250::BIGINT AS readings_above_250,
    100 * in_range / readings AS percent_in_range,
    100 * in_tight_range / readings AS percent_in_tight_range,
    100 * below_54 / readings AS percent_below_54,
    100 * below_70 / readings AS percent_below_70,
    100 * above_180 / readings AS percent_above_180,
    100 * above_250 / readings AS percent_above_250,
    minutes_below_54,
    minutes_below_70,
    minutes_above_180,
    minutes_above_250,
    target_low_mg_dl,
    target_high_mg_dl,
    in_target::BIGINT AS readings_in_target,
    below_target::BIGINT AS readings_below_target,
    above_target::BIGINT AS readings_above_target,
    100 * in_target / readings AS percent_in_target,
    100 * below_target / readings AS percent_below_target,
    100 * above_target / readings AS percent_above_target,
    coalesce(hypo_episodes, 0) AS hypo_episodes,
    coalesce(disagreeing, 0) AS disagreeing_readings,
    least AS disagreeing_min_mg_dl,
    most AS disagreeing_max_mg_dl,
    CASE WHEN critical THEN 'CRITICAL' WHEN alert THEN 'ALERT' ELSE 'OK' END AS day_status,
    concat_ws(
        '; ',
        if(critical, 'more than 15 minutes below 70 mg/dL', NULL),
        if(alert, 'more than 25 minutes above 250 mg/dL', NULL),
        if(disagree, 'two traces disagree by more than a sensor''s noise', NULL),
        if(differs_below_54, 'shares of readings and of time below 54 mg/dL differ', NULL),
        if(differs_below_70, 'shares of readings and of time below 70 mg/dL differ', NULL),
        if(differs_above_180, 'shares of readings and of time above 180 mg/dL differ', NULL),
        if(differs_above_250, 'shares of readings and of time above 250 mg/dL differ', NULL)
    ) AS status_reasons
FROM judged
