-- Sensor glucose in whole mg/dL, with the person's zone. Read where it is needed, not kept.
SELECT
    e.site,
    e._id AS entry_id,
    e.reading_timestamp,
    epoch_us(e.reading_timestamp) AS at_us,
    coalesce(s.timezone, 'UTC') AS timezone,
    round(e.sgv)::INTEGER AS glucose_mg_dl,
    e.direction,
    e.device
FROM raw_entries AS e
LEFT JOIN stays AS s
    ON s.site = e.site AND epoch_us(e.reading_timestamp) >= s.starts
    AND epoch_us(e.reading_timestamp) < s.ends
WHERE e.type = 'sgv' AND e.sgv >= 38.5 AND e.sgv < 600.5
