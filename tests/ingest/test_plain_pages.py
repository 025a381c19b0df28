"""Pages of any Arrow type are staged with the values that they hold, or refused by name."""

import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import ProjectError
from lakehouse.ingest.plain_pages import plain

ONE = uuid.UUID(int=7)


def column(array):
    return plain(pa.table({"v": array}), "raw.orders").column("v")


@pytest.mark.parametrize(
    ("array", "kept"),
    [
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array([b"a", None], pa.binary_view()), [b"a", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]), ["a", "a", "b"]),
        (pa.array([[1], None, []], pa.list_view(pa.int64())), [[1], None, []]),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), [[1, 2]]),
        (pa.array([["x"]], pa.list_(pa.string_view())), [["x"]]),
        (pa.array([{"a": "x"}], pa.struct([("a", pa.string_view())])), [{"a": "x"}]),
        (pa.array([ONE.bytes, None], pa.uuid()), [str(ONE), None]),
        (pa.array([Decimal("1.5")], pa.decimal256(76, 1)), ["1.5"]),
        (pa.array([Decimal("1.5")], pa.decimal32(5, 1)), [Decimal("1.5")]),
        (pa.array([1.5], pa.float16()), [1.5]),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
        (
            pa.array([1], pa.timestamp("ns", "Europe/Berlin")),
            ["1970-01-01 00:00:00.000000001Z"],
        ),
        (pa.array([1], pa.time64("ns")), ["00:00:00.000000001"]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pa.Array) else "",
)
def test_a_value_stays_what_it_is(array, kept):
    assert column(array).to_pylist() == kept


@given(
    numbers=st.lists(st.integers(-(2**62), 2**62), min_size=1),
    kind=st.sampled_from([pa.timestamp("ns"), pa.timestamp("ns", "UTC"), pa.timestamp("s")]),
)
def test_an_instant_is_never_cut(numbers, kind):
    numbers = [number // 10**9 for number in numbers] if kind.unit == "s" else numbers
    before = pa.array(numbers, kind)

    after = column(before)

    if pa.types.is_string(after.type):
        assert any(number % 1000 for number in numbers)
        assert after.to_pylist() == before.cast(pa.string()).to_pylist()
    else:
        assert after.combine_chunks().cast(kind).equals(before)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1], pa.duration("s")),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.array([[1]], pa.list_(pa.duration("s"))),
        pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    ],
    ids=lambda array: str(array.type),
)
def test_a_type_that_no_file_keeps_is_told_with_its_column(array):
    with pytest.raises(ProjectError, match=r"raw\.orders yielded 'v' as ") as told:
        column(array)
    assert told.value.hint


def test_two_columns_of_one_name_are_told():
    page = pa.table([pa.array([1]), pa.array([2])], names=["v", "v"])
    with pytest.raises(ProjectError, match=r"raw\.orders yielded two columns 'v'"):
        plain(page, "raw.orders")
