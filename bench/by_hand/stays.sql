-- The zones that people live in, with the instants and the local dates between which they do.
WITH changes AS (
    SELECT site, timezone, to_timestamp(0) AS starts_at, DATE '1970-01-01' AS since FROM raw_sites
    UNION ALL
    SELECT site, travel.timezone, travel.starts_at, travel.since
    FROM (SELECT site, unnest(travels) AS travel FROM raw_sites)
)
SELECT
    site, timezone, since,
    epoch_us(starts_at) AS starts,
    lead(starts, 1, 253402300799000000) OVER stays AS ends,
    lead(since, 1, DATE '9999-12-31') OVER stays AS until
FROM changes
WINDOW stays AS (PARTITION BY site ORDER BY since)
