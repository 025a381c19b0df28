-- How far each zone is from UTC, by quarter of an hour: asking DuckDB for every reading is slow.
WITH zones AS (
    SELECT timezone FROM stays
    UNION
    SELECT 'UTC'
),
quarters AS (
    SELECT unnest(range(min(at_us) // 900000000, max(at_us) // 900000000 + 1)) AS quarter
    FROM entries
)
SELECT
    timezone,
    quarter,
    to_timestamp(quarter * 900) AS start,
    timezone(timezone, start) - timezone('UTC', start) AS utc_offset
FROM zones CROSS JOIN quarters
