"""Work that goes on side by side."""

import os
import signal
from threading import Event

import pytest

from lakehouse.system.tasks import Tasks, for_each


@pytest.fixture
def tasks():
    tasks = Tasks(2)
    yield tasks
    tasks.close(lambda: None)


def test_a_task_starts_when_those_it_needs_are_done(tasks):
    done = []
    release = Event()
    parent = tasks.start([], lambda: release.wait(10) and done.append("parent"))
    tasks.start([parent], lambda: done.append("child"))
    release.set()
    list(tasks.results())
    assert done == ["parent", "child"]


def test_tasks_go_on_at_the_same_time(tasks):
    met = Event()
    tasks.start([], lambda: met.wait(10))
    tasks.start([], met.set)
    assert next(tasks.results()) is True


def test_results_come_in_the_order_of_the_start(tasks):
    release = Event()
    tasks.start([], lambda: release.wait(10) and 1)
    tasks.start([], lambda: release.set() or 2)
    assert list(tasks.results()) == [1, 2]


def test_the_first_error_is_raised_after_what_succeeded(tasks):
    def fail():
        raise ValueError("no")

    tasks.start([], lambda: 1)
    bad = tasks.start([], fail)
    tasks.start([bad], lambda: 2)
    tasks.start([], lambda: 3)
    found = []
    results = tasks.results()
    with pytest.raises(ValueError, match="no"):
        found.extend(results)
    assert found == [1, 3]


def test_closing_interrupts_what_runs_and_starts_nothing_more():
    tasks, running, stop = Tasks(1), Event(), Event()
    begun = []
    tasks.start([], lambda: running.set() or stop.wait(10))
    tasks.start([], lambda: begun.append("waits"))
    running.wait(10)
    tasks.close(stop.set)
    assert (stop.is_set(), begun) == (True, [])


def test_a_task_that_waits_keeps_no_other_from_running(tasks):
    release = Event()
    parent = tasks.start([], lambda: release.wait(10))
    tasks.start([parent], lambda: None)
    tasks.start([], release.set)
    assert next(tasks.results()) is True


def test_of_those_that_may_begin_the_first_started_goes_first():
    tasks, release, done = Tasks(1), Event(), []
    tasks.start([], lambda: release.wait(10))
    parent = tasks.start([], lambda: done.append("parent"))
    tasks.start([parent], lambda: done.append("child"))
    tasks.start([], lambda: done.append("last"))
    release.set()
    list(tasks.results())
    tasks.close(lambda: None)
    assert done == ["parent", "child", "last"]


def test_breaking_off_a_wait_for_each_interrupts_what_runs_and_begins_nothing_more():
    begun, stop = [], Event()

    def break_off(*_):
        raise KeyboardInterrupt

    def work(item):
        begun.append(item)
        os.kill(os.getpid(), signal.SIGUSR1)
        stop.wait(10)

    before = signal.signal(signal.SIGUSR1, break_off)
    try:
        with pytest.raises(KeyboardInterrupt):
            for_each(["runs", "waits"], work, 1, stop.set)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert begun == ["runs"]
    assert stop.is_set()
