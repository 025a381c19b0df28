-- Consecutive slots in one of the five ranges; a segment has no hole.
WITH ranged AS (
    SELECT
        *,
        CASE
            WHEN glucose < 54 THEN 0
            WHEN glucose < 70 THEN 1
            WHEN glucose <= 180 THEN 2
            WHEN glucose <= 250 THEN 3
            ELSE 4
        END AS range
    FROM slots
),
islands AS (
    SELECT
        *,
        slot - row_number() OVER (PARTITION BY site ORDER BY slot) AS segment,
        slot - row_number() OVER (PARTITION BY site, range ORDER BY slot) AS island
    FROM ranged
)
SELECT
    site, segment, range,
    min(slot) AS first, max(slot) + 1 AS until, min(lowest) AS lowest, max(highest) AS highest
FROM islands
GROUP BY site, segment, range, island
