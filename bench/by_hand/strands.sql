-- Readings of days on which any might be superfluous, and of twelve hours around each of them, with
-- the strands of their uploaders. Times are scaled so that every cadence is 15 minutes long.
WITH uploads AS (
    SELECT
        site, entry_id, at_us, at_us // 86400000000 AS day, coalesce(device, '') AS device
    FROM entries
),
apart AS (
    SELECT
        *,
        coalesce(at_us - lag(at_us) OVER trace, 86400000000) AS back,
        coalesce(lead(at_us) OVER trace - at_us, 86400000000) AS ahead,
        if(back <= 2700000000, back, 0) AS elapsed
    FROM uploads
    WINDOW trace AS (PARTITION BY site ORDER BY at_us, entry_id)
),
-- On nearly all days one uploader gives what one sensor does: those are left out.
days AS (
    SELECT
        site, day,
        min(least(back, ahead)) AS nearest,
        sum(if(elapsed BETWEEN 45000000 AND 75000000, elapsed, 0)) AS about_1,
        sum(if(elapsed BETWEEN 225000000 AND 375000000, elapsed, 0)) AS about_5
    FROM apart
    GROUP BY site, day
    HAVING min(device) <> max(device) OR NOT (
        nearest >= 675000000
        OR (nearest >= 225000000 AND about_5 >= greatest(sum(elapsed) / 2, 3600000000))
        OR (nearest >= 45000000 AND about_1 >= greatest(sum(elapsed) / 2, 3600000000))
    )
),
around AS (
    SELECT
        uploads.* EXCLUDE (day), days.day, uploads.day = days.day AS is_own
    FROM uploads
    JOIN days ON
        uploads.site = days.site
        AND uploads.day BETWEEN days.day - 1 AND days.day + 1
        AND at_us >= days.day * 86400000000 - 43200000000
        AND at_us < days.day * 86400000000 + 129600000000
),
beside AS (
    SELECT
        *,
        coalesce(
            lead(at_us) OVER (
                PARTITION BY site, day, device ORDER BY at_us, entry_id DESC
            ) = at_us,
            false
        ) AS repeated,
        at_us - max(at_us) OVER (
            same RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS back,
        min(at_us) OVER (same RANGE BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) - at_us AS ahead,
        count(*) OVER (same RANGE BETWEEN 75000000 PRECEDING AND 45000000 PRECEDING) > 0
            AND count(*) OVER (same RANGE BETWEEN 45000000 FOLLOWING AND 75000000 FOLLOWING) > 0
            AS amid_1,
        count(*) OVER (same RANGE BETWEEN 375000000 PRECEDING AND 225000000 PRECEDING) > 0
            AND count(*) OVER (same RANGE BETWEEN 225000000 FOLLOWING AND 375000000 FOLLOWING) > 0
            AS amid_5,
        count(*) OVER (same RANGE BETWEEN 1125000000 PRECEDING AND 675000000 PRECEDING) > 0
            AND count(*) OVER (same RANGE BETWEEN 675000000 FOLLOWING AND 1125000000 FOLLOWING) > 0
            AS amid_15
    FROM around
    WINDOW same AS (PARTITION BY site, day, device ORDER BY at_us)
),
uploaders AS (
    SELECT
        site, day, device,
        count_if(is_own) AS readings,
        coalesce(sum(back) FILTER (back <= 2700000000), 0) AS elapsed,
        CASE
            WHEN 2 * count_if(amid_1) >= count(*) THEN 1
            WHEN 2 * count_if(amid_5) >= count(*) THEN 5
            WHEN 2 * count_if(amid_15) >= count(*) THEN 15
            WHEN elapsed = 0 THEN 5
            WHEN 2 * coalesce(sum(back) FILTER (back < 180000000), 0) >= elapsed THEN 1
            WHEN 2 * coalesce(sum(back) FILTER (back < 600000000), 0) >= elapsed THEN 5
            ELSE 15
        END::BIGINT AS cadence,
        15 // cadence AS scale
    FROM beside
    WHERE NOT repeated
    GROUP BY site, day, device
),
scaled AS (
    SELECT
        beside.*, cadence, scale, readings,
        sum(
            CASE
                WHEN NOT is_own OR repeated THEN 0
                WHEN (at_us + ahead) // 86400000000 = day AND 2 * ahead <= 180000000 * cadence
                    THEN ahead
                ELSE 60000000 * cadence
            END
        ) OVER here AS covered,
        coalesce(
            min(back) OVER here < 45000000 * cadence,
            false
        ) AS crowded,
        at_us * scale AS time,
        time % 900000000 AS phase,
        CASE WHEN repeated THEN 0 WHEN is_own THEN 10000 ELSE 1 END AS weight,
        coalesce(back * scale < 225000000, false) AS is_second,
        if(is_second, -weight, 4 * weight) AS counts,
        -- Where a pair in one quarter begins, what its second counts; where it ends, as much less.
        CASE
            WHEN repeated OR coalesce(ahead * scale >= 225000000, true) THEN 0
            WHEN (at_us + ahead) // 86400000000 = day THEN 10000
            ELSE 1
        END - if(is_second, weight, 0) AS parted
    FROM beside
    JOIN uploaders USING (site, day, device)
    WINDOW here AS (PARTITION BY site, day, device)
),
held AS (
    SELECT
        *,
        sum(counts) OVER (phases RANGE BETWEEN CURRENT ROW AND 224999999 FOLLOWING)
            + coalesce(
                sum(counts) OVER (
                    phases RANGE BETWEEN 900000000 PRECEDING AND 675000001 PRECEDING
                ),
                0
            )
            + 5 * coalesce(
                sum(parted) OVER (phases RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0
            ) AS held
    FROM scaled
    WINDOW phases AS (PARTITION BY site, day, device ORDER BY phase)
),
quarters AS (
    SELECT
        *,
        first(phase) OVER (
            PARTITION BY site, day, device ORDER BY held DESC, phase DESC
        ) AS first_phase,
        time - first_phase AS since,
        since % 900000000 // 225000000 AS quarter,
        repeated OR coalesce((since - back * scale) // 225000000 = since // 225000000, false)
            AS again,
        NOT repeated AND if(
            quarter > 0,
            coalesce(back < 45000000 * cadence, false)
            OR coalesce(ahead < 45000000 * cadence, false),
            again
        ) AS aside
    FROM held
),
recurring AS (
    SELECT
        *,
        sum(CASE WHEN again THEN 0 WHEN is_own THEN 10000 ELSE 1 END) OVER (
            PARTITION BY site, day, device, quarter
        ) AS size,
        aside AND coalesce(
            (
                bool_or(aside) OVER (
                    times RANGE BETWEEN 1080000000 PRECEDING AND 720000000 PRECEDING
                )
                AND bool_or(aside) OVER (
                    times RANGE BETWEEN 720000000 FOLLOWING AND 1080000000 FOLLOWING
                )
            )
            OR (
                cadence = 1
                AND bool_or(aside) OVER (
                    times RANGE BETWEEN 4680000000 PRECEDING AND 4320000000 PRECEDING
                )
                AND bool_or(aside) OVER (
                    times RANGE BETWEEN 4320000000 FOLLOWING AND 4680000000 FOLLOWING
                )
            ),
            false
        ) AS recurs
    FROM quarters
    WINDOW times AS (PARTITION BY site, day, device ORDER BY time)
),
several_traces AS (
    SELECT
        *,
        crowded AND 6 * count_if(recurs) OVER here >= count_if(quarter = 0 AND NOT again) OVER here
            AS several,
        least(cadence * 20000000, 45000000) AS shortly,
        NOT several AND coalesce(back <= shortly, false) AS replaces
    FROM recurring
    WINDOW here AS (PARTITION BY site, day, device)
)
SELECT
    site, entry_id, at_us, day, is_own, device, cadence, covered, readings,
    repeated OR (NOT several AND coalesce(ahead <= shortly, false)) AS replaced,
    several OR (crowded AND cadence < 15) AS split,
    if(several, size, 0) AS size,
    since - if(replaces, back * scale, 0) AS moment,
    if(split, moment % 900000000 // 225000000, 0) AS strand,
    CASE
        WHEN several AND again THEN moment % 225000000
        WHEN split AND again AND NOT replaces THEN 1
        ELSE 0
    END AS place
FROM several_traces
