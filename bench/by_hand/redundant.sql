-- Readings that a better uploader of the same day makes superfluous, or that repeat a moment.
WITH uploads AS (
    SELECT site, entry_id, at_us, at_us // 86400000000 AS day, coalesce(device, '') AS device
    FROM entries
),
days AS (
    SELECT site, day
    FROM uploads
    GROUP BY ALL
    HAVING min(device) <> max(device) OR count(DISTINCT at_us) < count(*)
),
around AS (
    SELECT DISTINCT site, day + unnest([-1, 0, 1]) AS day FROM days
),
trace AS (
    SELECT *, lag(at_us) OVER (PARTITION BY site, device ORDER BY at_us, entry_id) AS previous
    FROM uploads
    SEMI JOIN around USING (site, day)
),
gaps AS (
    SELECT *, if(previous // 86400000000 = day, at_us - previous, NULL) AS gap
    FROM trace
    WHERE previous IS NULL OR previous < at_us
),
uploaders AS (
    SELECT
        site, day, device,
        count(*) AS readings,
        CASE
            WHEN count(gap) = 0 THEN 5
            WHEN 2 * count_if(gap < 180000000) >= count(gap) THEN 1
            WHEN 2 * count_if(gap < 600000000) >= count(gap) THEN 5
            ELSE 15
        END AS cadence,
        CASE cadence
            WHEN 1 THEN sum(least(coalesce(gap, 86400000000), 60000000))
            WHEN 5 THEN sum(least(coalesce(gap, 86400000000), 300000000))
            ELSE sum(least(coalesce(gap, 86400000000), 900000000))
        END AS covered
    FROM gaps
    GROUP BY site, day, device
),
ranked AS (
    SELECT
        site, entry_id, at_us, cadence, rank,
        at_us // 675000000 AS span  -- three quarters of the longest cadence
    FROM gaps
    JOIN (
        SELECT
            *, row_number() OVER (
                PARTITION BY site, day ORDER BY covered DESC, readings DESC, device
            ) AS rank
        FROM uploaders
    ) USING (site, day, device)
),
lesser AS (
    SELECT *, span + unnest([-1, 0, 1]) AS beside FROM ranked WHERE rank > 1
)
SELECT site, entry_id FROM trace WHERE previous = at_us
UNION
SELECT lesser.site, lesser.entry_id
FROM lesser
JOIN ranked AS better ON
    better.site = lesser.site
    AND better.span = lesser.beside
    AND better.rank < lesser.rank
    AND abs(better.at_us - lesser.at_us) <= greatest(better.cadence, lesser.cadence) * 45000000
