"""The types of columns that can be declared, and what is told of all others."""

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column_types import arrow_schema, require_storable, stored
from lakehouse.declare.pandera_columns import columns_of
from lakehouse.errors import ProjectError

PLAIN = [
    *(dt.boolean, dt.string, dt.binary, dt.date, dt.time, dt.uuid, dt.json, dt.null),
    *(dt.int8, dt.int16, dt.int32, dt.int64, dt.uint8, dt.uint16, dt.uint32, dt.uint64),
    *(dt.float16, dt.float32, dt.float64, dt.Decimal(12, 2), dt.Decimal(38, 38)),
    *(dt.Timestamp("UTC"), dt.Timestamp("Asia/Kathmandu"), dt.Timestamp(), dt.Timestamp(scale=9)),
]
KINDS = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: st.one_of(
        inner.map(dt.Array),
        inner.map(lambda kind: dt.Map(dt.string, kind)),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(dt.Struct),
    ),
    max_leaves=5,
)


@given(KINDS)
def test_every_type_is_stored_as_one_that_is_stored_as_itself(kind):
    require_storable(ibis.schema({"value": kind}))
    assert stored(stored(kind)) == stored(kind)


@given(KINDS)
def test_iceberg_has_every_stored_type(kind):
    from pyiceberg.io.pyarrow import _pyarrow_to_schema_without_ids as to_iceberg

    assert len(to_iceberg(arrow_schema(ibis.schema({"value": stored(kind)}))).fields) == 1


@pytest.mark.parametrize(
    "kind",
    [
        dt.Interval("s"),
        dt.Array(dt.Interval("s")),
        dt.Struct({"a": dt.Map(dt.string, dt.Interval("s"))}),
        dt.Decimal(50, 2),
        dt.Decimal(),
        dt.inet,
        dt.point,
        dt.Struct({}),
    ],
    ids=str,
)
def test_a_type_that_no_table_holds_is_told_with_its_column_and_a_cure(kind):
    with pytest.raises(ProjectError, match="'value' is of type") as told:
        require_storable(ibis.schema({"value": kind}))
    assert told.value.hint.startswith(("use ", "say "))


def model(**annotations):
    return type("Orders", (pandera.ibis.DataFrameModel,), {"__annotations__": annotations})


@pytest.mark.parametrize("kind", PLAIN[:-6], ids=str)
def test_every_plain_type_can_be_declared_by_ibis(kind):
    if kind in (dt.null, dt.float16):
        pytest.skip("nobody declares it")
    assert columns_of(model(value=kind))["value"].dtype.type == kind


@pytest.mark.parametrize(
    "annotation",
    [
        *(list, list[int], dict, dict[str, int], tuple[int, str], set[int], object, complex),
        *(dt.Array, dt.Struct, Annotated[dt.Decimal, 12, 2], dt.point, dt.null, "no_such_type"),
    ],
    ids=str,
)
def test_what_is_no_type_is_told_with_its_field_and_a_cure(annotation):
    with pytest.raises(ProjectError, match=r"'?value'?|no_such_type") as told:
        columns_of(model(id=int, value=annotation))
    assert "Orders" in told.value.message
    assert told.value.hint.startswith("declare ")
