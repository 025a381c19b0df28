-- The trace every five minutes of the clock, interpolated over gaps of up to 45 minutes.
WITH trace AS (
    SELECT
        site,
        glucose_mg_dl AS glucose,
        epoch_us(reading_timestamp) AS at_us,
        lead(epoch_us(reading_timestamp)) OVER trace AS next_at,
        lead(glucose_mg_dl) OVER trace AS next_glucose
    FROM fct_glucose_readings
    WINDOW trace AS (PARTITION BY site ORDER BY reading_timestamp)
),
joined AS (
    SELECT
        site,
        glucose,
        at_us,
        if(next_at - at_us <= 2700000000, next_at, at_us + 1) AS until_us,
        if(next_at - at_us <= 2700000000, next_glucose, glucose) AS after,
        (at_us + 299999999) // 300000000 AS first,
        (until_us + 299999999) // 300000000 AS next_first
    FROM trace
),
-- Readings with no slot before the next one count for the slot they follow.
between_slots AS (
    SELECT
        site, first - 1 AS slot,
        min(least(glucose, after)) AS lowest, max(greatest(glucose, after)) AS highest
    FROM joined
    WHERE next_first = first
    GROUP BY ALL
),
at_slots AS (
    SELECT *, unnest(range(first, next_first)) AS slot FROM joined WHERE next_first > first
)
SELECT
    site,
    slot,
    (glucose * (until_us - slot * 300000000) + after * (slot * 300000000 - at_us))
    / (until_us - at_us) AS glucose,
    least(a.glucose, after, b.lowest) AS lowest,
    greatest(a.glucose, after, b.highest) AS highest
FROM at_slots AS a
LEFT JOIN between_slots AS b USING (site, slot)
