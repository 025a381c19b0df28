WITH nights AS (
    SELECT
        site, reading_date, covered, minutes_below_70, minutes_below_54,
        count(*) AS readings,
        avg(glucose_mg_dl) AS mean,
        stddev_samp(glucose_mg_dl) AS stddev,
        min(glucose_mg_dl) AS lowest,
        max(glucose_mg_dl) AS highest,
        count_if(is_in_range) AS in_range,
        count_if(glucose_mg_dl < 70) AS below_70,
        count_if(glucose_mg_dl < 54) AS below_54
    FROM fct_glucose_readings
    JOIN parts USING (site, reading_date)
    WHERE until = 6 AND epoch_us(reading_timestamp) < ends
    GROUP BY ALL
),
episodes AS (
    SELECT e.site, local_date AS reading_date, count(*) AS hypo_episodes
    FROM mrt_glucose_episodes AS e
    JOIN parts AS p ON p.site = e.site AND p.reading_date = e.local_date
    WHERE kind = 'hypo' AND level = 1 AND until = 6 AND epoch_us(started_at) < ends
    GROUP BY ALL
)
SELECT
    site,
    reading_date,
    readings AS reading_count,
    covered AS coverage_percent,
    mean AS avg_glucose,
    stddev AS stddev_glucose,
    100 * stddev / mean AS cv_percent,
    lowest AS min_glucose,
    highest AS max_glucose,
    in_range::BIGINT AS readings_in_range,
    below_70::BIGINT AS readings_below_70,
    below_54::BIGINT AS readings_below_54,
    100 * in_range / readings AS percent_in_range,
    100 * below_70 / readings AS percent_below_70,
    100 * below_54 / readings AS percent_below_54,
    minutes_below_70,
    minutes_below_54,
    coalesce(hypo_episodes, 0) AS hypo_episodes,
    coalesce(cv_percent <= 36 AND below_70 = 0 AND coverage_percent >= 70, false) AS is_stable
FROM nights
LEFT JOIN episodes USING (site, reading_date)
