WITH nights AS (
    SELECT
        site, timezone, reading_date,
        count(*) AS readings,
        avg(glucose_mg_dl) AS mean,
        stddev_samp(glucose_mg_dl) AS stddev,
        min(glucose_mg_dl) AS lowest,
        max(glucose_mg_dl) AS highest,
        count_if(is_in_range) AS in_range,
        count_if(glucose_mg_dl < 70) AS below_70,
        count_if(glucose_mg_dl < 54) AS below_54
    FROM fct_glucose_readings
    WHERE hour_of_day < 6
    GROUP BY site, timezone, reading_date
),
episodes AS (
    SELECT site, local_date AS reading_date, count(*) AS hypo_episodes
    FROM mrt_glucose_episodes AS e
    LEFT JOIN raw_sites AS s USING (site)
    WHERE kind = 'hypo' AND level = 1
        AND hour(timezone(coalesce(s.timezone, 'UTC'), started_at)) < 6
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
    100 * in_range / readings AS percent_in_range,
    100 * below_70 / readings AS percent_below_70,
    100 * below_54 / readings AS percent_below_54,
    minutes_below_70,
    minutes_below_54,
    coalesce(hypo_episodes, 0) AS hypo_episodes,
    coalesce(cv_percent <= 36 AND below_70 = 0 AND coverage_percent >= 70, false) AS is_stable
FROM nights
JOIN (FROM parts WHERE until = 6) USING (site, reading_date)
LEFT JOIN episodes USING (site, reading_date)
