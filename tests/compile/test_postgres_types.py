"""What Postgres has no name or type for is refused when the project is compiled."""

import ibis
import pytest
from marts import add_marts, mart

from lakehouse.compile.postgres_types import postgres_type
from lakehouse.errors import LakehouseError

TYPES = {
    "boolean": "boolean",
    "int8": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "uint8": "smallint",
    "uint32": "bigint",
    "uint64": "numeric(20,0)",
    "float32": "real",
    "float64": "double precision",
    "decimal(12, 2)": "numeric(12,2)",
    "decimal": "numeric",
    "string": "text",
    "binary": "bytea",
    "uuid": "uuid",
    "json": "json",
    "date": "date",
    "time": "time without time zone",
    "timestamp(6)": "timestamp without time zone",
    "timestamp('Europe/Oslo', 3)": "timestamp with time zone",
    "array<decimal(5, 1)>": "numeric(5,1)[]",
    "array<array<string>>": "jsonb",
    "array<struct<a: int64>>": "jsonb",
    "struct<a: array<date>>": "jsonb",
    "map<string, int64>": "jsonb",
    "array<json>": None,
    "struct<a: map<string, json>>": None,
    "macaddr": None,
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_has_one_in_postgres_or_none(kind):
    assert postgres_type(ibis.dtype(kind)) == TYPES[kind]


@pytest.mark.parametrize(
    ("columns", "name", "told"),
    [
        ({"n" * 64: 1}, "wide", "64 bytes"),
        ({"ä" * 32: 1}, "wide", "64 bytes"),
        ({"xmin": 1}, "wide", "'xmin'"),
        ({"a\0b": 1}, "wide", "cannot be the name of a column"),
        ({"a": 1}, "m" * 64, "63 letters at most"),
        ({f"c{place}": place for place in range(1601)}, "wide", "1601 columns"),
        ({"a": ibis.null("macaddr")}, "wide", "macaddr"),
    ],
)
def test_what_postgres_cannot_have_is_refused(toy, columns, name, told):
    with pytest.raises(LakehouseError, match=told):
        add_marts(toy, mart(lambda events: events.select(**columns), name))


def test_names_that_just_fit_and_columns_of_other_schemas_are_fine(toy):
    add_marts(toy, mart(lambda events: events.select(**{"n" * 63: 1}), "m" * 63))
