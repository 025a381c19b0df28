-- Readings of days on which any might be superfluous, with the strands of their uploaders.
WITH uploads AS (
    SELECT
        site, entry_id, at_us, at_us // 86400000000 AS day, coalesce(device, '') AS device,
        glucose_mg_dl AS glucose
    FROM entries
),
apart AS (
    SELECT
        *,
        at_us - lag(at_us) OVER trace AS apart,
        if(lag(at_us) OVER trace // 86400000000 = day AND apart <= 2700000000, apart, 0) AS elapsed
    FROM uploads
    WINDOW trace AS (PARTITION BY site ORDER BY at_us, entry_id)
),
-- On nearly all days one uploader gives what one sensor does: those are left out.
days AS (
    SELECT
        site, day,
        min(apart) AS nearest,
        sum(elapsed) AS elapsed,
        sum(elapsed) FILTER (elapsed BETWEEN 45000000 AND 75000000) AS about_1,
        sum(elapsed) FILTER (elapsed BETWEEN 225000000 AND 375000000) AS about_5,
        sum(elapsed) FILTER (elapsed BETWEEN 675000000 AND 1125000000) AS about_15
    FROM apart
    GROUP BY site, day
    HAVING min(device) <> max(device) OR NOT coalesce(
        nearest >= 675000000
        OR (nearest >= 225000000 AND 2 * coalesce(about_5, 0) >= sum(elapsed))
        OR (nearest >= 45000000 AND 2 * coalesce(about_1, 0) >= sum(elapsed)),
        true
    )
),
around AS (
    SELECT DISTINCT site, day + unnest([-1, 0, 1]) AS day FROM days
),
several AS (
    SELECT
        *,
        coalesce(
            lag(at_us) OVER (PARTITION BY site, device ORDER BY at_us, entry_id) = at_us, false
        ) AS repeats
    FROM uploads
    SEMI JOIN around USING (site, day)
),
trace AS (
    SELECT
        *,
        if(lag(day) OVER same = day, at_us - lag(at_us) OVER same, NULL) AS back_1,
        if(lag(day, 2) OVER same = day, at_us - lag(at_us, 2) OVER same, NULL) AS back_2,
        if(lag(day, 3) OVER same = day, at_us - lag(at_us, 3) OVER same, NULL) AS back_3,
        if(lead(day) OVER same = day, lead(at_us) OVER same - at_us, NULL) AS ahead_1,
        if(lead(day, 2) OVER same = day, lead(at_us, 2) OVER same - at_us, NULL) AS ahead_2,
        if(lead(day, 3) OVER same = day, lead(at_us, 3) OVER same - at_us, NULL) AS ahead_3,
        lead(at_us) OVER same - at_us AS ahead,
        lead(glucose) OVER same AS next_glucose
    FROM several
    WHERE NOT repeats
    WINDOW same AS (PARTITION BY site, device ORDER BY at_us, entry_id)
),
per_cadence AS (
    SELECT
        site, day, device, minutes,
        count(*) AS readings,
        min(back_1) AS nearest,
        count(back_1) AS intervals,
        coalesce(sum(back_1) FILTER (back_1 <= 2700000000), 0) AS elapsed,
        CASE
            WHEN elapsed = 0 THEN 5
            WHEN 2 * sum(back_1) FILTER (back_1 < 180000000) >= elapsed THEN 1
            WHEN 2 * sum(back_1) FILTER (back_1 < 600000000) >= elapsed THEN 5
            ELSE 15
        END AS median,
        4 * count_if(abs(back_1 - one) * 4 <= one) >= 3 * intervals AS is_regular,
        2 * sum(back_1) FILTER (back_1 <= 2700000000 AND abs(back_1 - one) * 4 <= one)
            >= elapsed AS is_usual,
        8 * sum(back_1) FILTER (
            back_1 <= 2700000000
            AND (
                abs(back_1 - one) * 4 <= one
                OR abs(back_2 - one) * 4 <= one
                OR abs(back_3 - one) * 4 <= one
                OR abs(ahead_1 - one) * 4 <= one
                OR abs(ahead_2 - one) * 4 <= one
                OR abs(ahead_3 - one) * 4 <= one
            )
        ) >= 7 * elapsed AS is_mixed,
        sum(if(2 * back_1 <= 3 * one, back_1, one)) AS reach
    FROM trace
    CROSS JOIN (SELECT unnest([1, 5, 15]) AS minutes, minutes::BIGINT * 60000000 AS one)
    GROUP BY site, day, device, minutes
),
uploaders AS (
    SELECT
        site, day, device,
        any_value(readings) AS readings,
        CASE
            WHEN any_value(intervals) = 0 THEN any_value(median)
            ELSE coalesce(
                min(minutes) FILTER (is_regular),
                min(minutes) FILTER (is_usual AND minutes = median),
                min(minutes) FILTER (is_mixed AND minutes > median),
                any_value(median) FILTER (is_mixed AND minutes = 1),
                greatest(any_value(median), 5)
            )
        END AS cadence,
        max(reach) FILTER (minutes = 1) AS reach_1,
        max(reach) FILTER (minutes = 5) AS reach_5,
        max(reach) FILTER (minutes = 15) AS reach_15,
        coalesce(4 * any_value(nearest) < 180000000 * cadence::BIGINT, false) AS crowded,
        row_number() OVER (
            PARTITION BY site, day
            ORDER BY
                CASE cadence WHEN 1 THEN reach_1 WHEN 5 THEN reach_5 ELSE reach_15 END DESC,
                any_value(readings) DESC,
                device = '',
                device
        ) AS uploader
    FROM per_cadence
    GROUP BY site, day, device
),
differing AS (
    SELECT
        *,
        coalesce(
            ahead <= least(cadence * 20000000, 45000000) AND next_glucose <> glucose, false
        ) AS differs
    FROM trace
    JOIN uploaders USING (site, day, device)
),
corrections AS (
    SELECT
        *,
        differs AND count_if(differs) OVER (PARTITION BY site, day, device) <= 9 AS corrected
    FROM differing
),
moments AS (
    SELECT
        *,
        if(lag(corrected) OVER same AND back_1 IS NOT NULL, at_us - back_1, at_us)
            // (cadence * 7500000) AS eighth,
        eighth // 2 AS cell_0,
        (eighth - 1) // 2 AS cell_1
    FROM corrections
    WINDOW same AS (PARTITION BY site, device ORDER BY at_us, entry_id)
),
opened AS (
    SELECT
        *,
        if(cell_0 = lag(cell_0) OVER here, 0, 1) AS opens_0,
        if(cell_1 = lag(cell_1) OVER here, 0, 1) AS opens_1
    FROM moments
    WINDOW here AS (PARTITION BY site, day, device ORDER BY at_us, entry_id)
),
counted AS (
    SELECT
        *,
        sum(opens_0) OVER (PARTITION BY site, day, device, cell_0 % 4) AS count_0,
        sum(opens_1) OVER (PARTITION BY site, day, device, cell_1 % 4) AS count_1
    FROM opened
),
chosen AS (
    SELECT
        *,
        max(count_1) OVER here > max(count_0) OVER here AS later,
        if(later, cell_1, cell_0) AS cell,
        if(later, count_1, count_0) AS cells
    FROM counted
    WINDOW here AS (PARTITION BY site, day, device)
),
most AS (
    SELECT *, max(cells) OVER (PARTITION BY site, day, device) AS most FROM chosen
),
placed AS (
    SELECT
        *,
        min(if(cells = most, cell % 4, NULL)) OVER (PARTITION BY site, day, device) AS best,
        row_number() OVER (PARTITION BY site, day, device, cell_0 ORDER BY at_us, entry_id)
            AS place_0,
        row_number() OVER (PARTITION BY site, day, device, cell_1 ORDER BY at_us, entry_id)
            AS place_1,
        lag(corrected) OVER (PARTITION BY site, device ORDER BY at_us, entry_id) IS TRUE
            AND back_1 IS NOT NULL AS corrects
    FROM most
),
lanes AS (
    SELECT
        *,
        -- By how many quarters it comes after the best one: none, one, three, two.
        list_position([0, 1, 3, 2], (cell % 4 - best + 4) % 4) - 1 AS lane
    FROM placed
),
recurring AS (
    SELECT
        *,
        -- Like another one cadence before or after; cells are quarters of it.
        coalesce((cell_0 - lag(cell_0) OVER alike_0) * cadence IN (4, 20, 60), false)
        OR coalesce((lead(cell_0) OVER alike_0 - cell_0) * cadence IN (4, 20, 60), false)
        OR coalesce((cell_1 - lag(cell_1) OVER alike_1) * cadence IN (4, 20, 60), false)
        OR coalesce((lead(cell_1) OVER alike_1 - cell_1) * cadence IN (4, 20, 60), false)
            AS recurs
    FROM lanes
    WINDOW
        alike_0 AS (
            PARTITION BY site, day, device, cell_0 % 4, place_0 ORDER BY at_us, entry_id
        ),
        alike_1 AS (
            PARTITION BY site, day, device, cell_1 % 4, place_1 ORDER BY at_us, entry_id
        )
),
pairs AS (
    SELECT
        *,
        coalesce(back_1 < cadence * 45000000, false) AND NOT corrects AS is_pair,
        recurs AND lag(recurs) OVER here IS TRUE AS both_recur
    FROM recurring
    WINDOW here AS (PARTITION BY site, day, device ORDER BY at_us, entry_id)
),
several_traces AS (
    SELECT
        *,
        crowded
        AND (
            cadence < 15
            OR (
                count_if(is_pair AND both_recur) OVER here >= 3
                AND 3 * count_if(is_pair AND both_recur) OVER here
                    >= 2 * count_if(is_pair) OVER here
            )
        ) AS is_several
    FROM pairs
    WINDOW here AS (PARTITION BY site, day, device)
)
SELECT
    site, entry_id, at_us, day, device, uploader, cadence, is_several, corrected, false AS repeats,
    if(is_several, lane, 0) AS strand,
    if(is_several, cell, at_us) AS slot
FROM several_traces
UNION ALL BY NAME
SELECT site, entry_id, repeats FROM several WHERE repeats
