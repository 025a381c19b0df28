"""The fixture that runs a model on a few rows."""

import ibis
import pyarrow as pa
import pytest

from lakehouse.errors import UnknownNameError
from models.bronze import stg_glucose_entries

ROW = {
    "site": "anna",
    "_id": "a",
    "type": "sgv",
    "sgv": 100.0,
    "reading_timestamp": "2024-03-15T00:00:00Z",
}


@pytest.mark.parametrize(
    "given",
    [
        [ROW],
        {name: [value] for name, value in ROW.items()},
        pa.Table.from_pylist([ROW]),
        ibis.memtable(pa.Table.from_pylist([ROW])),
    ],
    ids=["rows", "columns", "arrow", "ibis"],
)
def test_any_table_will_do(run_model, given):
    (row,) = run_model(stg_glucose_entries, glucose_entries=given)
    assert row["glucose_mg_dl"] == 100


def test_rows_may_differ_in_their_columns(run_model):
    rows = run_model(stg_glucose_entries, glucose_entries=[ROW, {**ROW, "_id": "b", "trend": 4}])
    assert [row["trend"] for row in rows] == [None, 4]


def test_rows_come_sorted(run_model):
    rows = [{**ROW, "_id": name} for name in "cab"]
    found = run_model(stg_glucose_entries, glucose_entries=rows)
    assert [row["entry_id"] for row in found] == ["a", "b", "c"]


def test_nothing_stays_from_one_call_to_the_next(run_model):
    run_model(stg_glucose_entries, glucose_entries=[ROW])
    assert run_model(stg_glucose_entries) == []


def test_an_unknown_column_is_named(run_model):
    with pytest.raises(UnknownNameError, match="'svg' is no column of glucose_entries") as error:
        run_model(stg_glucose_entries, glucose_entries=[{**ROW, "svg": 1}])
    assert "did you mean 'sgv'" in error.value.hint


def test_an_unknown_input_is_named(run_model):
    with pytest.raises(UnknownNameError, match="'entries' is no input of stg_glucose_entries"):
        run_model(stg_glucose_entries, entries=[ROW])


def test_an_input_that_nothing_builds_is_named(run_model):
    def orphan(glucose_readings):
        return glucose_readings

    with pytest.raises(UnknownNameError, match="'glucose_readings' is no table"):
        run_model(orphan)
