"""Reading goes on while what was read is staged."""

from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest

from lakehouse.ingest.handover import Handover

PAGE = pa.table({"x": [1]})
PLACE = {"group": "g", "folder": Path("unused")}


def collect(pages, **_):
    return {name: [str(page.num_rows) for page in each] for name, each in pages.items()}


def test_each_name_gets_its_own_pages():
    with Handover(collect) as handover:
        staged = handover.read({"one": [PAGE, PAGE], "none": [], "two": [PAGE]}, **PLACE)
    assert staged.result() == {"one": ["1", "1"], "none": [], "two": ["1"]}


def test_the_next_round_is_read_while_one_is_staged():
    is_reading = Event()

    def staging(pages, **place):
        found = collect(pages, **place)
        return found if is_reading.wait(10) else {}

    def next_round():
        is_reading.set()
        yield PAGE

    with Handover(staging) as handover:
        first = handover.read({"one": [PAGE]}, **PLACE)
        second = handover.read({"one": next_round()}, **PLACE)
    assert first.result() == second.result() == {"one": ["1"]}


def test_an_error_of_a_source_ends_its_staging():
    def broken():
        yield PAGE
        raise ValueError("gone")

    with Handover(collect) as handover:
        staged = handover.read({"one": broken()}, **PLACE)
        assert staged.done()
    with pytest.raises(ValueError, match="gone"):
        staged.result()


def test_nothing_more_is_read_for_what_cannot_be_staged():
    def full(*_, **__):
        raise OSError("disk full")

    def endless():
        while True:
            yield PAGE

    with Handover(full) as handover, pytest.raises(OSError, match="full"):
        handover.read({"one": endless()}, **PLACE).result()


def test_an_interruption_comes_through_at_once():
    def interrupted():
        yield PAGE
        raise KeyboardInterrupt

    with Handover(collect) as handover, pytest.raises(KeyboardInterrupt):
        handover.read({"one": interrupted()}, **PLACE)
