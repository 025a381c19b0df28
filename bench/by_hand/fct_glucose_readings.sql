WITH kept AS (
    SELECT e.*, make_timestamp(e.at_us) + o.utc_offset AS local_timestamp
    FROM entries AS e
    JOIN offsets AS o ON o.timezone = e.timezone AND o.quarter = e.at_us // 900000000
    ANTI JOIN redundant AS r ON r.site = e.site AND r.entry_id = e.entry_id
),
compared AS (
    SELECT
        *,
        (at_us - lag(at_us) OVER trace) / 60000000 AS minutes,
        glucose_mg_dl - lag(glucose_mg_dl) OVER trace AS change
    FROM kept
    WINDOW trace AS (PARTITION BY site ORDER BY at_us)
)
SELECT
    site,
    entry_id,
    reading_timestamp,
    timezone,
    local_timestamp,
    local_timestamp::DATE AS reading_date,
    hour(local_timestamp)::INTEGER AS hour_of_day,
    isodow(local_timestamp) AS day_of_week,
    dayname(local_timestamp) AS day_name,
    glucose_mg_dl,
    direction,
    device,
    CASE
        WHEN glucose_mg_dl < 70 THEN 'hypoglycemia'
        WHEN glucose_mg_dl <= 180 THEN 'in_range'
        WHEN glucose_mg_dl <= 250 THEN 'hyperglycemia_mild'
        ELSE 'hyperglycemia_severe'
    END AS glucose_category,
    CASE
        WHEN glucose_mg_dl < 54 THEN 'very_low'
        WHEN glucose_mg_dl < 70 THEN 'low'
        WHEN glucose_mg_dl <= 180 THEN 'in_range'
        WHEN glucose_mg_dl <= 250 THEN 'high'
        ELSE 'very_high'
    END AS range_band,
    glucose_mg_dl BETWEEN 70 AND 180 AS is_in_range,
    if(minutes <= 15, change, NULL) AS glucose_change_mg_dl,
    if(minutes <= 1440, minutes, NULL) AS minutes_since_last_reading,
    if(minutes BETWEEN 3 AND 15, change, NULL) / minutes AS rate_mg_dl_per_minute
FROM compared
