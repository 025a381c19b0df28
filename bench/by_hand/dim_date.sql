WITH dates AS (
    SELECT
        site,
        unnest(range(min(reading_date), max(reading_date) + 1, INTERVAL 1 DAY))::DATE AS date
    FROM fct_glucose_readings
    GROUP BY site
)
SELECT
    site,
    date,
    year(date)::INTEGER AS year,
    quarter(date)::INTEGER AS quarter,
    month(date)::INTEGER AS month,
    monthname(date) AS month_name,
    isoyear(date)::INTEGER AS iso_year,
    week(date)::INTEGER AS iso_week,
    day(date)::INTEGER AS day_of_month,
    isodow(date) AS day_of_week,
    dayname(date) AS day_name,
    isodow(date) >= 6 AS is_weekend
FROM dates
