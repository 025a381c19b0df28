"""Both engines over odd values, one operation of Ibis at a time: `python -m differences`.

Here are the constructs that no rule flags; `python -m differences` tries the others, too.
"""

import pytest

from differences.answers import Asked
from differences.constructs import constructs
from differences.engines import engines
from differences.verdicts import Verdict, flags, judge

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def judged(stack):
    chosen = [each for each in constructs() if not flags(each)]
    with engines(stack) as (duckdb, trino):
        answers = (Asked(each).answers(chosen) for each in (duckdb, trino))
        yield list(judge(chosen, *answers))


def test_no_difference_is_unflagged(judged):
    unflagged = [each for each in judged if each.verdict is Verdict.UNFLAGGED]
    assert unflagged == []


def test_most_constructs_are_compared_and_not_just_refused(judged):
    equal = [each for each in judged if each.verdict in (Verdict.EQUAL, Verdict.MENDED)]
    assert len(equal) > 0.8 * len(judged)
