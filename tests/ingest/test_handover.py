"""Reading goes on while what was read is staged."""

from threading import Event

import pyarrow as pa
import pytest
from toy import at, event

from lakehouse.ingest.page_queue import PageQueue
from lakehouse.ingest.stage import stage
from lakehouse.session import Session

PAGE = pa.table({"x": [1]})


class Taker:
    """Counts the pages of each name."""

    def __init__(self, before=lambda: None):
        self.before, self.taken = before, {}

    def __call__(self, pages):
        for name, each in pages.items():
            self.taken[name] = len(list(each))
        self.before()


def test_each_name_gets_its_own_pages():
    taker = Taker()
    with PageQueue() as handover:
        handover.read({"one": [PAGE, PAGE], "none": [], "two": [PAGE]}, taker).result()
    assert taker.taken == {"one": 2, "none": 0, "two": 1}


def test_the_next_round_is_read_while_one_is_staged():
    is_read, found = Event(), []
    first, second = Taker(lambda: found.append(is_read.wait(10))), Taker()

    def next_round():
        is_read.set()
        yield PAGE

    with PageQueue() as handover:
        handover.read({"one": [PAGE]}, first)
        handover.read({"one": next_round()}, second)
    assert (found, first.taken, second.taken) == ([True], {"one": 1}, {"one": 1})


def test_what_publishing_needs_is_loaded_while_the_last_pages_are_staged(toy, source, monkeypatch):
    is_read, seen = Event(), []
    monkeypatch.setattr(Session, "prepare", lambda *_: is_read.set())

    def staging(pages, **place):
        staged = stage(pages, **place)
        seen.append(is_read.wait(10))
        return staged

    source.rows = [event("a", 1, at(0))]
    toy.staging = staging
    toy.run(0)
    assert seen == [True]


def test_an_error_of_a_source_ends_its_staging():
    def broken():
        yield PAGE
        raise ValueError("gone")

    with PageQueue() as handover:
        staged = handover.read({"one": broken()}, Taker())
        assert staged.done()
    with pytest.raises(ValueError, match="gone"):
        staged.result()


def test_nothing_more_is_read_for_what_cannot_be_staged():
    def full(_):
        raise OSError("disk full")

    def endless():
        while True:
            yield PAGE

    with PageQueue() as handover, pytest.raises(OSError, match="full"):
        handover.read({"one": endless()}, full).result()


def test_an_interruption_comes_through_at_once():
    def interrupted():
        yield PAGE
        raise KeyboardInterrupt

    with PageQueue() as handover, pytest.raises(KeyboardInterrupt):
        handover.read({"one": interrupted()}, Taker())
