SELECT
    site,
    hour_of_day * 60 + (minute(local_timestamp) // 15 * 15)::INTEGER AS minute_of_day,
    count(*) AS reading_count,
    quantile_cont(glucose_mg_dl, 0.05) AS p05,
    quantile_cont(glucose_mg_dl, 0.25) AS p25,
    quantile_cont(glucose_mg_dl, 0.5) AS p50,
    quantile_cont(glucose_mg_dl, 0.75) AS p75,
    quantile_cont(glucose_mg_dl, 0.95) AS p95
FROM fct_glucose_readings
JOIN newest USING (site)
WHERE reading_date > newest - 14
GROUP BY ALL
