"""How an ingestion learns what is new and what is gone: declarations that do not fit."""

import pytest
from toy import Events

from lakehouse import SoftDelete, ingestion
from lakehouse.errors import DeclarationError

REQUIRED = {"table_name": "t", "unique_key": "id", "validation_schema": Events}


def takes_nothing():
    """Rows."""


def takes_since(since):
    """Rows."""


def takes_file(file):
    """Rows."""


def takes_both(since, window):
    """Rows."""


WRONG = [
    (takes_nothing, {"cursor": "at"}, "write `def takes_nothing(since, …)`"),
    (takes_both, {"cursor": "at"}, "told what to read by `since`: take `window` out"),
    (takes_since, {"cursor": 5}, "`cursor` is text or None, got 5"),
    (takes_nothing, {"lag": "1h"}, "`lag` needs a `cursor` to go by"),
    (takes_since, {"cursor": "at", "lag": "1"}, "`lag` needs a number and a unit"),
    (takes_since, {"cursor": "at", "lag": -1}, "`lag` is how far before the newest value"),
    (takes_since, {"cursor": "at", "lag": True}, "`lag` is text, a whole number or a timedelta"),
    (
        takes_since,
        {"cursor": "at", "time_column": "at", "overlap": "1d"},
        "`overlap` goes by windows, and not by a `cursor`: write it as `lag`",
    ),
    (
        takes_since,
        {"cursor": "at", "time_column": "at", "retention": "3y"},
        "`retention` goes by windows, and not by a `cursor`",
    ),
    (takes_since, {"cursor": "at", "deletes": "window"}, "write SoftDelete('deleted_at')"),
    (takes_since, {"files": "*.csv"}, "write `def takes_since(file, …)`"),
    (takes_file, {"files": " "}, "`files` is a pattern, such as 'prices/*.csv'"),
    (takes_file, {"files": "*.csv", "cursor": "at"}, "`files` and `cursor` are two ways: take one"),
    (
        takes_file,
        {"files": "*.csv", "time_column": "at", "overlap": "1d"},
        "`overlap` goes by windows, and not by `files`",
    ),
    (takes_nothing, {"deletes": SoftDelete(5)}, "`column` is text, got 5"),
    (takes_nothing, {"deletes": SoftDelete}, "the class SoftDelete itself: write SoftDelete(…)"),
    (takes_nothing, {"deletes": "soft"}, "`deletes` is 'window', SoftDelete(…) or None"),
]


@pytest.mark.parametrize(("function", "options", "message"), WRONG)
def test_a_way_that_does_not_fit_is_refused_with_its_place_and_the_cure(function, options, message):
    with pytest.raises(DeclarationError) as caught:
        ingestion(**REQUIRED, **options)(function)
    assert message in caught.value.message
    assert f"test_ways.py:{function.__code__.co_firstlineno} in {function.__name__}: " in str(
        caught.value
    )
