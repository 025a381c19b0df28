-- Readings that a better uploader of the same day makes superfluous, or one of its own.
WITH ranked AS (
    SELECT
        site, entry_id, day, is_own,
        if(
            replaced,
            NULL,
            dense_rank() OVER (
                PARTITION BY site, day
                ORDER BY
                    device = '', covered DESC, readings DESC, device, size DESC, strand, place
            )
        ) AS rank,
        at_us * 15 // first(cadence) OVER (
            PARTITION BY site, day ORDER BY device = '', covered DESC, readings DESC, device
        ) AS time
    FROM strands
),
-- What has no better one beside it stays, and what is beside that goes; then once more.
stays AS (
    SELECT *, coalesce(rank = min(rank) OVER beside, false) AS stays
    FROM ranked
    WINDOW beside AS (
        PARTITION BY site, day ORDER BY time
        RANGE BETWEEN 674999999 PRECEDING AND 674999999 FOLLOWING
    )
),
remaining AS (
    SELECT
        * REPLACE (if(stays OR NOT bool_or(stays) OVER beside, rank, NULL) AS rank)
    FROM stays
    WINDOW beside AS (
        PARTITION BY site, day ORDER BY time
        RANGE BETWEEN 674999999 PRECEDING AND 674999999 FOLLOWING
    )
),
kept AS (
    SELECT *, coalesce(rank = min(rank) OVER beside, false) AS kept
    FROM remaining
    WINDOW beside AS (
        PARTITION BY site, day ORDER BY time
        RANGE BETWEEN 674999999 PRECEDING AND 674999999 FOLLOWING
    )
)
SELECT site, entry_id FROM kept WHERE is_own AND NOT kept
