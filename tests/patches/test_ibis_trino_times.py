"""Times of day on Trino, which keep their microseconds."""

import ibis
import pytest
from seen import needless, printed_by

from lakehouse.engines.sql import sql_type
from lakehouse.patches.ibis_dialects import to_sql

PATCH = "ibis_trino_times"
ROWS = ibis.table({"text": "string"}, name="rows")


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("time", "TIME(6)"),
        ("array<time>", "ARRAY(TIME(6))"),
        ("struct<t: time>", 'ROW("t" TIME(6))'),
    ],
)
def test_the_type_of_a_time_of_day_has_six_digits_on_trino(kind, written):
    assert sql_type(ibis.dtype(kind), "trino") == written


def test_a_cast_to_a_time_of_day_has_six_digits_on_trino():
    assert "AS TIME(6))" in to_sql(ROWS.select(t=ROWS.text.cast("time")), "trino")


@pytest.mark.long
def test_ibis_writes_no_digits():
    ask = "import ibis; from ibis.backends.sql.datatypes import TrinoType as T; print(T.to_string(ibis.dtype('time')))"
    assert printed_by(ask).strip() == "TIME", needless(PATCH, "ibis-framework")
