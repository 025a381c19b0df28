"""The constructs that both engines are compared over, grown from the operations of Ibis."""

import ibis
import pytest

from differences.comparing import difference
from differences.constructs import Use, constructs, operations
from lakehouse.compile.expression_digest import digest

FAR_MORE_THAN = 800


@pytest.fixture(scope="module")
def grown():
    return constructs()


@pytest.mark.long
def test_there_are_many_constructs(grown):
    assert len(grown) > FAR_MORE_THAN


@pytest.mark.long
def test_every_operation_of_ibis_is_among_them(grown):
    used = {
        type(part).__name__
        for each in grown
        for part in each.subject.find(ibis.expr.operations.Value)
    }
    assert {each.__name__ for each in operations()} - used == set()


@pytest.mark.long
def test_constructs_are_used_in_all_ways(grown):
    assert {each.use for each in grown} == set(Use)


@pytest.mark.long
def test_what_compiles_a_construct_can_be_kept(grown):
    assert [each.name for each in grown if digest(each.value.to_expr().as_table()) is None] == []


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        (1.0, 1.0 + 1e-12, True),
        (1.0, 1.001, False),
        (float("nan"), float("nan"), True),
        (float("nan"), None, False),
        ([1, None], [1, None], True),
        ([1], [None], False),
        ({"a": 1}, [("a", 1)], True),
        ("a", "b", False),
        (None, None, True),
    ],
)
def test_answers_are_compared_value_by_value(one, other, is_alike):
    assert (difference({0: one}, {0: other}) == "") is is_alike
