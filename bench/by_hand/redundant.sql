-- Readings that a better uploader of the same day makes superfluous, or one of its own.
WITH RECURSIVE ranked AS (
    SELECT
        site, entry_id, at_us, day, device, is_several, cadence, cadence * 45000000 AS near,
        slot, dense_rank() OVER (PARTITION BY site, day ORDER BY uploader, strand) - 1 AS rank
    FROM strands
    WHERE NOT corrected AND NOT repeats
),
handed_over AS (
    SELECT
        *,
        coalesce(
            (device <> lag(device) OVER strand OR is_several)
            AND day > lag(day) OVER strand
            AND 3 * (at_us - lag(at_us) OVER strand) < 2 * greatest(near, lag(near) OVER strand),
            false
        ) AS hands_over
    FROM ranked
    WINDOW strand AS (PARTITION BY site, rank ORDER BY at_us, entry_id)
),
-- Strand by strand, from the best on: what has no kept reading beside it is kept.
turns AS (
    SELECT *, 0 AS turn, false AS kept FROM handed_over
    UNION ALL
    SELECT
        * EXCLUDE (free) REPLACE (
            turn + 1 AS turn,
            kept OR (
                free AND at_us = max(if(free, at_us, NULL)) OVER (
                    PARTITION BY site, day, rank, slot
                )
            ) AS kept
        )
    FROM (
        SELECT
            *,
            (rank = turn OR (turn = 7 AND rank > turn))
            AND NOT hands_over
            AND coalesce(max(if(kept, at_us, NULL)) OVER before <= at_us - near, true)
            AND coalesce(max(if(kept, at_us + near, NULL)) OVER before <= at_us, true)
            AND coalesce(min(if(kept, at_us, NULL)) OVER after >= at_us + near, true)
            AND coalesce(min(if(kept, at_us - near, NULL)) OVER after >= at_us, true) AS free
        FROM turns
        WHERE turn < 8
        WINDOW
            before AS (
                PARTITION BY site ORDER BY at_us, entry_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            after AS (
                PARTITION BY site ORDER BY at_us, entry_id
                ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            )
    )
)
SELECT site, entry_id FROM strands WHERE repeats OR corrected
UNION ALL
SELECT site, entry_id FROM turns WHERE turn = 8 AND NOT kept
