-- The entries of $people people with $start <= date < $end (epoch milliseconds), person by person.
WITH slots AS (
    SELECT person, slot, hash(person, slot) AS dice
    FROM
        range($people) AS people (person),
        range($start // 300000 - 1, $end // 300000 + 1) AS slots (slot)
),
-- Half a day, meals, and what comes and goes in days; each person has other periods and depths.
traces AS (
    SELECT
        *,
        145 + person % 7 * 6
        + 45 * sin(slot / (44.0 + person % 11) + person)
        + 35 * sin(slot / (9.0 + person % 5) + 2 * person)
        + 25 * sin(slot / (290.0 + person % 13))
        + 20 * sin(slot / (3.7 + person % 3)) AS trace,
        35 * (cos(slot / (9.0 + person % 5) + 2 * person) / (9.0 + person % 5))
        + 20 * (cos(slot / (3.7 + person % 3)) / (3.7 + person % 3)) AS slope
    FROM slots
    -- Three in a hundred are lost; of every eighth span of 36 hours, the first two to ten hours.
    WHERE dice % 100 >= 3
        AND (
            hash(person, slot // 432, 'gap') % 8 > 0
            OR slot % 432 >= 24 + hash(person, slot // 432, 'length') % 100
        )
),
-- On one day in a hundred a second device uploads the same trace, some seconds later.
uploads AS (
    SELECT
        *,
        unnest(if(hash(person, slot // 288, 'bridge') % 100 = 0, [0, 1], [0])) AS uploader,
        slot * 300000 + (dice // 100 % 20000)::BIGINT
        + uploader * (3000 + hash(person, slot // 288) % 60000)::BIGINT AS date,
        least(greatest(trace + dice // 2000000 % 7 - 3, 39), 400)::INTEGER AS sgv
    FROM traces
),
entries AS (
    SELECT
        *,
        printf('%08x%010x%06x', date // 1000, person * 2 + uploader, slot % 16777216) AS _id,
        strftime(epoch_ms(date), '%Y-%m-%dT%H:%M:%S.%gZ') AS moment,
        ['xDrip-DexcomG6', 'loop://iPhone', 'AndroidAPS'][person % 3 + 1] AS phone,
        if(uploader = 0, phone, 'share2') AS device,
        CASE
            WHEN slope <= -15 THEN 'DoubleDown'
            WHEN slope <= -10 THEN 'SingleDown'
            WHEN slope <= -5 THEN 'FortyFiveDown'
            WHEN slope <= 5 THEN 'Flat'
            WHEN slope <= 10 THEN 'FortyFiveUp'
            WHEN slope <= 15 THEN 'SingleUp'
            ELSE 'DoubleUp'
        END AS direction
    FROM uploads
    WHERE date >= $start AND date < $end
)
SELECT
    format('person{:04d}', person) AS site,
    _id,
    date::VARCHAR AS date,
    moment AS date_string,
    moment AS sys_time,
    '0' AS utc_offset,
    sgv::VARCHAR AS sgv,
    NULL::VARCHAR AS mbg,
    direction,
    NULL::VARCHAR AS trend,
    device,
    'sgv' AS type,
    NULL::VARCHAR AS noise,
    NULL::VARCHAR AS rssi,
    NULL::VARCHAR AS filtered,
    NULL::VARCHAR AS unfiltered,
    to_timestamp(date / 1000.0) AS reading_timestamp,
    format(
        '{{"_id":"{}","device":"{}","date":{},"dateString":"{}","sgv":{},"direction":"{}",'
        '"type":"sgv","utcOffset":0,"sysTime":"{}"}}',
        _id, device, date, moment, sgv, direction, moment
    ) AS payload
FROM entries
