WITH readings AS (
    SELECT
        site, timezone, reading_date,
        glucose_mg_dl AS glucose,
        minutes_since_last_reading AS minutes,
        round(minutes * 60)::BIGINT AS seconds
    FROM fct_glucose_readings
),
days AS (
    SELECT
        site, timezone, reading_date,
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
        CASE
            WHEN count(minutes) = 0 THEN 5
            WHEN 2 * count_if(minutes < 3) >= count(minutes) THEN 1
            WHEN 2 * count_if(minutes < 10) >= count(minutes) THEN 5
            ELSE 15
        END AS cadence,
        -- A reading stands for the time since the one before, at most for the cadence.
        CASE cadence
            WHEN 1 THEN sum(least(coalesce(seconds, 60), 60)) FILTER (glucose < 70)
            WHEN 5 THEN sum(least(coalesce(seconds, 300), 300)) FILTER (glucose < 70)
            ELSE sum(least(coalesce(seconds, 900), 900)) FILTER (glucose < 70)
        END > 900 IS TRUE AS critical,
        CASE cadence
            WHEN 1 THEN sum(least(coalesce(seconds, 60), 60)) FILTER (glucose > 250)
            WHEN 5 THEN sum(least(coalesce(seconds, 300), 300)) FILTER (glucose > 250)
            ELSE sum(least(coalesce(seconds, 900), 900)) FILTER (glucose > 250)
        END > 1500 IS TRUE AS alert
    FROM readings
    GROUP BY site, timezone, reading_date
),
episodes AS (
    SELECT site, local_date AS reading_date, count(*) AS hypo_episodes
    FROM mrt_glucose_episodes
    WHERE kind = 'hypo' AND level = 1
    GROUP BY ALL
)
SELECT
    site,
    reading_date,
    readings AS total_readings,
    least(
        100 * readings * cadence * 60
        / epoch(
            timezone(timezone, reading_date + INTERVAL 1 DAY)
            - timezone(timezone, reading_date::TIMESTAMP)
        ),
        100
    ) AS coverage_percent,
    mean AS avg_glucose_mg_dl,
    lowest AS min_glucose_mg_dl,
    highest AS max_glucose_mg_dl,
    stddev AS stddev_glucose,
    100 * stddev / mean AS cv_percent,
    100 * in_range / readings AS percent_in_range,
    100 * in_tight_range / readings AS percent_in_tight_range,
    100 * below_54 / readings AS percent_below_54,
    100 * below_70 / readings AS percent_below_70,
    100 * above_180 / readings AS percent_above_180,
    100 * above_250 / readings AS percent_above_250,
    coalesce(hypo_episodes, 0) AS hypo_episodes,
    CASE WHEN critical THEN 'CRITICAL' WHEN alert THEN 'ALERT' ELSE 'OK' END AS day_status,
    concat_ws(
        '; ',
        if(critical, 'more than 15 minutes below 70 mg/dL', NULL),
        if(alert, 'more than 25 minutes above 250 mg/dL', NULL)
    ) AS status_reasons
FROM days
LEFT JOIN episodes USING (site, reading_date)
