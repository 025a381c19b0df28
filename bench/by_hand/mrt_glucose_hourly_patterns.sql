SELECT
    site,
    hour_of_day,
    day_of_week,
    day_name,
    count(*) AS reading_count,
    count(DISTINCT reading_date) AS days_observed,
    avg(glucose_mg_dl) AS avg_glucose,
    quantile_cont(glucose_mg_dl, 0.5) AS median_glucose,
    quantile_cont(glucose_mg_dl, 0.25) AS p25_glucose,
    quantile_cont(glucose_mg_dl, 0.75) AS p75_glucose,
    stddev_samp(glucose_mg_dl) AS stddev_glucose,
    count_if(is_in_range)::BIGINT AS readings_in_range,
    100 * count_if(is_in_range) / count(*) AS percent_in_range
FROM fct_glucose_readings
JOIN newest USING (site)
WHERE reading_date > newest - 30
GROUP BY site, hour_of_day, day_of_week, day_name
