"""Marts in mmol/L have the rows of those in mg/dL."""

import pytest

from models import marts

IN_MMOL = sorted(name for name in vars(marts) if name.endswith("_mmol") and name[:4] == "mrt_")
MG_DL = 18.01559
GLUCOSE = {"modd", "p05", "p25", "p50", "p75", "p95"}
"""Columns of glucose that are not called so."""


def is_glucose(column):
    return column.endswith(("_glucose", "_mg_dl")) or column in GLUCOSE


@pytest.mark.parametrize("name", IN_MMOL)
def test_every_column_is_there_and_glucose_alone_is_divided(run_model, name):
    source = name.removesuffix("_mmol")
    schema = run_model.schema(source)
    row = {column: 100 for column, kind in schema.items() if kind.is_numeric()}
    (found,) = run_model(getattr(marts, name), **{source: [{"site": "anna", **row}]})
    assert list(found) == [column.replace("_mg_dl", "_mmol_l") for column in schema]
    for column in row:
        expected = 100 / MG_DL if is_glucose(column) else 100
        assert found[column.replace("_mg_dl", "_mmol_l")] == pytest.approx(expected, rel=1e-12)


def test_every_mart_with_glucose_has_one(run_model):
    others = {name for name in vars(marts) if name[:4] == "mrt_"} - set(IN_MMOL)
    of_glucose = {name for name in others if any(map(is_glucose, run_model.schema(name)))}
    assert {f"{name}_mmol" for name in of_glucose} == set(IN_MMOL)
