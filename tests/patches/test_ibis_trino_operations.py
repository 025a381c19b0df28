"""Operations that are written anew for Trino, so that they mean what they mean on DuckDB."""

import ibis
import pytest
from seen import needless, printed_by

from lakehouse.patches.ibis_dialects import to_sql

PATCH = "ibis_trino_operations"
ROWS = ibis.table(
    {"text": "string", "number": "int64", "share": "float64", "at": "timestamp(6)", "good": "boolean"},
    name="rows",
)  # fmt: skip
MENDS = {
    "NaN is above": (lambda r: r.share > 1, 'IF(IS_NAN("t0"."share"), TRUE,'),
    "logarithm of nothing": (lambda r: r.share.ln(), "FAIL("),
    "null among the least": (
        lambda r: ibis.least(r.number, 1),
        'COALESCE(LEAST("t0"."number", 1), "t0"."number", 1)',
    ),
    "microseconds": (lambda r: r.at.microsecond(), "AS VARCHAR), -6)"),
    "minutes": (lambda r: r.at.strftime("%H:%M"), "'%H:%i'"),
    "index from the end": (lambda r: r.text.split(",")[r.number], '"t0"."number" < 0'),
    "first of a list": (lambda r: r.text.split(",")[0], ", 1)"),
    "part of a text": (lambda r: r.text.substr(2, 3), 'SUBSTR("t0"."text", 3, 3)'),
    "range": (
        lambda r: ibis.range(r.number).length(),
        'IF(0 < "t0"."number", SEQUENCE(0, "t0"."number" - 1), ARRAY[])',
    ),
    "group": (lambda r: r.text.re_replace("(a)", r"\1"), "'$1'"),
    "no match": (lambda r: r.text.re_extract("a", 0), "COALESCE("),
    "negative interval": (lambda r: r.at + r.number.as_interval("D"), "* INTERVAL '1' DAY"),
    "remainder of 0": (lambda r: r.number % r.number, "NULLIF("),
    "sign": (lambda r: r.number >> 1, "BITWISE_RIGHT_SHIFT_ARITHMETIC("),
    "literal": (
        lambda r: r.at < ibis.literal("2024-03-01 00:00:00.000001", "timestamp(6)"),
        "CAST('2024-03-01 00:00:00.000001' AS TIMESTAMP(6))",
    ),
    "bare moment": (lambda r: r.at.date().cast("timestamp"), "AS TIMESTAMP(6))"),
    "condition in a window": (
        lambda r: r.number.sum(where=r.good).over(group_by="text"),
        'SUM(IF("t0"."good", "t0"."number",',
    ),
    "frame of any": (
        lambda r: r.good.any().over(group_by="text"),
        'BOOL_OR("t0"."good") OVER (PARTITION BY "t0"."text" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)',
    ),
}


@pytest.mark.parametrize("mend", MENDS)
def test_an_operation_is_written_anew_for_trino(mend):
    value, written = MENDS[mend]
    assert written in to_sql(ROWS.select(made=value(ROWS)), "trino")


@pytest.mark.parametrize("mend", MENDS)
def test_the_sql_of_duckdb_stays_as_it_is(mend):
    rows = ROWS.select(made=MENDS[mend][0](ROWS))
    assert to_sql(rows, "duckdb") == str(ibis.to_sql(rows, dialect="duckdb", pretty=False))


def test_the_least_of_many_columns_is_no_long_statement():
    names = [f"column_{number}" for number in range(16)]
    rows = ibis.table(dict.fromkeys(names, "int64"), name="rows")
    few, many = (
        len(to_sql(rows.select(made=ibis.least(*map(rows.__getitem__, some))), "trino"))
        for some in (names[:8], names)
    )
    assert many < 5 * few


@pytest.mark.long
def test_ibis_cuts_the_frame_of_any():
    ask = (
        "import ibis; t = ibis.table({'a': 'boolean', 'b': 'int64'}, name='t');"
        "print(ibis.to_sql(t.select(x=t.a.any().over(group_by='b')), dialect='trino', pretty=False))"
    )
    assert "CURRENT ROW" in printed_by(ask), needless(PATCH, "ibis-framework")
