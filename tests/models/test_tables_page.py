"""The reference of tables has each model, with its columns, their types, and how it is kept."""

import re
from pathlib import Path

import ibis.expr.datatypes as dt
import pytest

from lakehouse import Incremental, View, config
from lakehouse.declare import project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/tables.md").read_text()
PROJECT = project.load(config.load(ROOT))
TYPES = {
    dt.Timestamp(timezone="UTC", scale=6): "instant",
    dt.Timestamp(scale=6): "timestamp",
}
"""How the page calls types whose own names are longer."""
each_model = pytest.mark.parametrize("model", PROJECT.models.values(), ids=lambda spec: spec.name)


def section(model):
    return re.split(rf"^## {model.schema}.{model.name}\n", PAGE, flags=re.MULTILINE)[1].split(
        "\n## "
    )[0]


def kept(kind):
    """How a model is kept, in the words of the page."""
    if isinstance(kind, View):
        return "view"
    if not isinstance(kind, Incremental):
        return "table"
    columns = [
        kind.time_column and f"`{kind.time_column}` ({kind.grain})",
        kind.key and f"`{kind.key}`",
    ]
    return f"incremental by {' and '.join(filter(None, columns))}"


@each_model
def test_the_page_lists_the_columns_with_their_types(run_model, model):
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", section(model), re.MULTILINE)
    known = run_model.schema(model.name).items()
    types = {name: kind.copy(nullable=True) for name, kind in known}
    assert listed == [(name, TYPES.get(kind, str(kind))) for name, kind in types.items()]


@pytest.mark.parametrize("model", PROJECT.published.values(), ids=lambda spec: spec.name)
def test_each_column_of_a_mart_is_described(run_model, model):
    assert sorted(model.columns) == sorted(run_model.schema(model.name).names)


@each_model
def test_the_page_says_how_it_is_kept(model):
    assert f"Kept as: {kept(model.kind)}.\n" in section(model)
