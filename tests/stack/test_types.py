"""Every type that can be declared comes out of Trino as it comes out of DuckDB."""

import pytest

from docs.written import types


@pytest.fixture
def carried(tmp_path, lake):
    return types.carry(tmp_path, lake | {"LAKEHOUSE_ENGINE": "trino"})


def test_trino_changes_and_loses_no_value_of_any_type(carried):
    said = {
        (written, kind, str(value)): types.outcome(carried, number, expected)
        for number, written, kind, value, expected in types.numbered()
    }
    assert {
        sample: words
        for sample, words in said.items()
        if words.partition(":")[0] not in ("kept", "quarantine")
    } == {}


def test_postgres_has_the_same_types_from_either_engine(carried):
    assert carried.types == types.carried().types
