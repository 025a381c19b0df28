-- Days, and nights until six, with the time that their trace covers and is beyond limits.
WITH dates AS (
    SELECT DISTINCT site, reading_date FROM fct_glucose_readings
),
days AS (
    SELECT
        d.site, d.reading_date,
        coalesce(s.timezone, 'UTC') AS zone,
        epoch_us(timezone(zone, d.reading_date::TIMESTAMP)) AS starts,
        epoch_us(timezone(coalesce(t.timezone, 'UTC'), (d.reading_date + 1)::TIMESTAMP)) AS tomorrow,
        epoch_us(timezone(zone, d.reading_date + to_hours(6))) AS six
    FROM dates AS d
    LEFT JOIN stays AS s
        ON s.site = d.site AND d.reading_date >= s.since AND d.reading_date < s.until
    LEFT JOIN stays AS t
        ON t.site = d.site AND d.reading_date + 1 >= t.since AND d.reading_date + 1 < t.until
),
bounds AS (
    SELECT
        site, reading_date, starts,
        unnest([24, 6]) AS until,
        unnest([tomorrow, least(six, tomorrow)]) AS ends
    FROM days
),
parts AS (
    SELECT
        f.*, epoch_us(reading_timestamp) AS at_us, starts, ends, until, at_us < ends AS is_meant
    FROM fct_glucose_readings AS f
    JOIN bounds USING (site, reading_date)
),
trace AS (
    SELECT
        site, reading_date, until, at_us, glucose_mg_dl AS glucose, is_meant,
        lead(at_us) OVER trace AS next_at,
        lead(glucose_mg_dl) OVER trace AS next_glucose,
        lead(reading_date) OVER trace = reading_date AND lead(is_meant) OVER trace AS goes_on,
        lag(at_us) OVER trace AS previous_at,
        lag(glucose_mg_dl) OVER trace AS previous_glucose,
        lag(reading_date) OVER trace = reading_date AND lag(is_meant) OVER trace AS went_on
    FROM parts
    WINDOW trace AS (PARTITION BY site, until ORDER BY at_us)
),
cadences AS (
    SELECT
        site, reading_date, until,
        coalesce(sum(next_at - at_us) FILTER (goes_on AND next_at - at_us <= 2700000000), 0) AS elapsed,
        CASE
            WHEN elapsed = 0 THEN 5
            WHEN 2 * sum(next_at - at_us) FILTER (goes_on AND next_at - at_us < 180000000)
                >= elapsed THEN 1
            WHEN 2 * sum(next_at - at_us) FILTER (goes_on AND next_at - at_us < 600000000)
                >= elapsed THEN 5
            ELSE 15
        END * 60000000::BIGINT AS one
    FROM trace
    WHERE is_meant
    GROUP BY ALL
),
read AS (
    SELECT
        *,
        least(if(2 * (next_at - at_us) <= 3 * one, next_at - at_us, one), ends - at_us) AS reach,
        coalesce(next_at - at_us <= 2700000000, false) AS joined,
        coalesce(at_us - previous_at <= 2700000000, false) AS was_joined
    FROM trace
    JOIN bounds USING (site, reading_date, until)
    JOIN cadences USING (site, reading_date, until)
    WHERE is_meant
),
-- Each stretch between two readings, from where to where of it lies in the day.
pieces AS (
    SELECT
        site, reading_date, until,
        glucose AS a, next_glucose AS b, next_at - at_us AS span,
        0 AS enters, least(next_at, ends) - at_us AS leaves
    FROM read
    WHERE joined
    UNION ALL
    SELECT
        site, reading_date, until,
        previous_glucose, glucose, at_us - previous_at,
        starts - previous_at, at_us - previous_at
    FROM read
    WHERE was_joined AND went_on IS NOT true
    UNION ALL
    SELECT site, reading_date, until, glucose, glucose, one, 0, least(one, ends - at_us)
    FROM read
    WHERE NOT joined AND NOT was_joined
),
limits (name, edge, side) AS (
    VALUES ('below_54', 54, -1), ('below_70', 70, -1), ('above_180', 180, 1), ('above_250', 250, 1)
),
-- Nanoseconds from which to which a stretch is beyond a limit.
beyond AS (
    SELECT
        *,
        (a - edge) * side > 0 AS starts_beyond,
        (b - edge) * side > 0 AS ends_beyond,
        CASE
            WHEN starts_beyond AND ends_beyond THEN span * 1000
            WHEN starts_beyond OR ends_beyond
                THEN span * 1000 * greatest((a - edge) * side, (b - edge) * side) // abs(a - b)
            ELSE 0
        END AS long,
        if(starts_beyond, 0, span * 1000 - long) AS first,
        if(starts_beyond, long, span * 1000) AS last
    FROM pieces CROSS JOIN limits
),
minutes AS (
    SELECT
        site, reading_date, until, name,
        sum(greatest(least(last, leaves * 1000) - greatest(first, enters * 1000), 0)) / 60000000000.0
            AS minutes,
        sum(leaves - enters) / 60000000.0 AS traced
    FROM beyond
    GROUP BY ALL
)
SELECT
    site, reading_date, until,
    any_value(ends) AS ends,
    any_value(covered) AS covered,
    any_value(traced) AS traced,
    coalesce(max(minutes) FILTER (name = 'below_54'), 0)::DOUBLE AS minutes_below_54,
    coalesce(max(minutes) FILTER (name = 'below_70'), 0)::DOUBLE AS minutes_below_70,
    coalesce(max(minutes) FILTER (name = 'above_180'), 0)::DOUBLE AS minutes_above_180,
    coalesce(max(minutes) FILTER (name = 'above_250'), 0)::DOUBLE AS minutes_above_250
FROM (
    SELECT
        site, reading_date, until,
        any_value(ends) AS ends,
        100 * sum(reach) / any_value(ends - starts) AS covered
    FROM read
    GROUP BY ALL
)
LEFT JOIN minutes USING (site, reading_date, until)
GROUP BY ALL
