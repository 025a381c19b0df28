SELECT
    site,
    reading_date,
    hour_of_day,
    count(*) AS reading_count,
    avg(glucose_mg_dl) AS avg_glucose,
    min(glucose_mg_dl) AS min_glucose,
    max(glucose_mg_dl) AS max_glucose,
    100 * count_if(is_in_range) / count(*) AS percent_in_range,
    count(*) FILTER (glucose_mg_dl < 70) AS hypoglycemia_count,
    count(*) FILTER (is_in_range) AS in_range_count,
    count(*) FILTER (glucose_mg_dl > 180 AND glucose_mg_dl <= 250) AS hyperglycemia_mild_count,
    count(*) FILTER (glucose_mg_dl > 250) AS hyperglycemia_severe_count
FROM fct_glucose_readings
GROUP BY site, reading_date, hour_of_day
