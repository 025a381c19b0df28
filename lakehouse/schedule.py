"""The schedule: every group of ingestions runs by its `cron`, one after the other, for ever.

A run is about the days since the last one that was ingested, so what was missed while nothing ran
is caught up by the first run. Runs happen in this thread: they cannot overlap, and a signal that
ends the process abandons the branch of the run as Ctrl-C does.
"""

from __future__ import annotations

import fcntl
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

from lakehouse import cron
from lakehouse.alerts import watching
from lakehouse.catalogs import MAIN
from lakehouse.config import Settings
from lakehouse.errors import LakehouseError, ProjectError, StorageError
from lakehouse.loading import undisturbed
from lakehouse.project import Project
from lakehouse.request import Listener, Request
from lakehouse.run import run
from lakehouse.session import Session
from lakehouse.windows import Windows

_NAP = 60.0
"""Seconds of the longest wait: a machine that slept shall notice."""


@dataclass(frozen=True)
class Job:
    """Ingestions that run together, and when."""

    group: str
    crons: tuple[str, ...]
    ingestions: tuple[str, ...]

    def following(self, after: datetime, settings: Settings) -> datetime:
        """When it runs next."""
        return min(cron.following(each, after, settings.timezone) for each in self.crons)


def jobs(project: Project) -> list[Job]:
    """What is to run: each group in which an ingestion says when. Raises ProjectError."""
    groups: dict[str, list[str]] = {}
    for name, spec in project.ingestions.items():
        groups.setdefault(spec.group or name, []).append(name)
    found = []
    for group, names in groups.items():
        crons = dict.fromkeys(project.ingestions[name].cron for name in names)
        said = tuple(each for each in crons if each is not None)
        if said:
            found.append(Job(group, said, tuple(names)))
    if not found:
        raise ProjectError(
            "no ingestion says when it is to run", hint="such as cron='0 * * * *' for every hour"
        )
    return found


def once(settings: Settings, listener: Listener) -> int:
    """Run every job now; the exit code of the worst."""
    with _alone(settings):
        return max(_run(settings, job, listener) for job in _jobs(settings))


def forever(settings: Settings, listener: Listener) -> None:
    """Run every job now, and then by its cron, until the process is told to end.

    Raises StorageError if another process does so in this home.
    """
    with _alone(settings), _ended_by_a_signal():
        due = dict.fromkeys(_jobs(settings), datetime.now(UTC))
        while True:
            job = min(due, key=lambda each: due[each])
            _wait_until(due[job], listener)
            _run(settings, job, listener)
            due[job] = job.following(datetime.now(UTC), settings)


def windows(session: Session, job: Job) -> Windows:
    """The days that a run of the job is about: from the last one that was ingested to today.

    That last one belongs to it: when it was ingested, it was perhaps not over.
    """
    tables, zone = session.catalog.tables(MAIN), session.settings.timezone
    today = datetime.now(zone).date()
    ends = []
    for name in job.ingestions:
        table = session.project.ingestions[name].table
        covered = tables[table].state.covered if table in tables else ()
        ends += [covered[-1].end] if covered else []
    last = min(ends) - timedelta(microseconds=1) if ends else None
    first = last.astimezone(zone).date() if last is not None else today
    return session.days(min(first, today), today)


def _jobs(settings: Settings) -> list[Job]:
    with Session(settings) as session:
        return jobs(session.project)


def _run(settings: Settings, job: Job, listener: Listener) -> int:
    """Run a job; what goes wrong is told, and ends nothing but this run. Its exit code."""
    started = time.monotonic()
    try:
        with Session(settings) as session, watching(session, listener) as watch:
            session.start_loader()
            with undisturbed():
                session.open()
            days = windows(session, job)
            names = frozenset([*job.ingestions, *session.project.models])
            report = run(session, Request(days, names, message=f"schedule {job.group}"), watch)
    except LakehouseError as error:
        listener.warning(f"{job.group}: {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the next run may succeed
        listener.warning(f"{job.group}: unexpected {type(error).__name__}")
        return LakehouseError.exit_code
    listener.detail(f"{job.group}: {report.status} in {time.monotonic() - started:.1f} s")
    return 0


def _wait_until(moment: datetime, listener: Listener) -> None:
    listener.progress(f"waiting until {moment:%H:%M}")
    while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
        time.sleep(min(left, _NAP))


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the lock of the home's schedule; it is free when its process has ended."""
    path = settings.home / "locks" / "schedule.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(
                f"another process runs the schedule of {settings.home}",
                hint="one is enough; stop the other one first",
            ) from None
        yield


@contextmanager
def _ended_by_a_signal() -> Iterator[None]:
    """SIGTERM and Ctrl-C end what is inside, once: what cleans up is not disturbed."""

    def end(_: int, __: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = [(each, signal.signal(each, end)) for each in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for each, handler in before:
            signal.signal(each, handler)
