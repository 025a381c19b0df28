WITH limits (kind, level, first_range, last_range) AS (
    VALUES ('hypo', 1, 0, 1), ('hypo', 2, 0, 0), ('hyper', 1, 3, 4), ('hyper', 2, 4, 4)
),
sides AS (
    SELECT r.*, kind, level, range BETWEEN first_range AND last_range AS beyond
    FROM runs AS r CROSS JOIN limits
),
islands AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY site, kind, level, segment ORDER BY first)
        - row_number() OVER (PARTITION BY site, kind, level, segment, beyond ORDER BY first)
            AS island
    FROM sides
),
confirmed AS (
    SELECT
        site, kind, level, segment, beyond,
        min(first) AS first, max(until) AS until, min(lowest) AS lowest, max(highest) AS highest
    FROM islands
    GROUP BY site, kind, level, segment, beyond, island
    HAVING max(until) - min(first) >= 3
),
-- What lies between is not counted, up to six hours of it.
opening AS (
    SELECT
        *,
        (lag(beyond) OVER trace = beyond AND first - lag(until) OVER trace <= 72) IS TRUE AS goes_on
    FROM confirmed
    WINDOW trace AS (PARTITION BY site, kind, level, segment ORDER BY first)
),
numbered AS (
    SELECT
        *, count_if(NOT goes_on) OVER (
            PARTITION BY site, kind, level, segment ORDER BY first ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM opening
),
stretches AS (
    SELECT
        site, kind, level, segment, beyond,
        min(first) AS first, max(until) AS until, min(lowest) AS lowest, max(highest) AS highest
    FROM numbered
    GROUP BY site, kind, level, segment, beyond, stretch
),
ended AS (
    SELECT *, lead(first) OVER trace AS next_first
    FROM stretches
    WINDOW trace AS (PARTITION BY site, kind, level, segment ORDER BY first)
),
episodes AS (
    SELECT
        *,
        to_timestamp(first * 300) AS started_at,
        5 * (if(next_first - until <= 72, next_first, until) - first) AS minutes,
        started_at + to_minutes(minutes) AS ended_at,
        ended_at - INTERVAL 1 SECOND AS last_second
    FROM ended
    WHERE beyond
)
SELECT
    e.site,
    kind,
    level,
    started_at,
    ended_at,
    timezone(coalesce(s.timezone, 'UTC'), started_at)::DATE AS local_date,
    timezone(coalesce(t.timezone, 'UTC'), last_second)::DATE AS local_end_date,
    minutes::DOUBLE AS duration_minutes,
    if(kind = 'hypo', lowest, highest) AS extreme_mg_dl,
    kind = 'hypo' AND minutes > 120 AS is_extended
FROM episodes AS e
LEFT JOIN stays AS s
    ON s.site = e.site AND epoch_us(started_at) >= s.starts AND epoch_us(started_at) < s.ends
LEFT JOIN stays AS t
    ON t.site = e.site AND epoch_us(last_second) >= t.starts AND epoch_us(last_second) < t.ends
