"""The schedule: every group of ingestions runs by its `cron`, one after the other, for ever.

A run is about the days since the last one that was ingested, so what was missed while nothing ran
is caught up by the first run. Runs happen in this thread: they cannot overlap, and a signal that
ends the process abandons the branch of the run as Ctrl-C does. Each has a session of its own, and
nothing stays of it: the process lives for months.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lakehouse import cache, clock, cron, signals
from lakehouse.alerts import watching
from lakehouse.catalogs import MAIN
from lakehouse.config import Settings
from lakehouse.discretion import unexpected
from lakehouse.errors import FOUND_PROBLEMS, LakehouseError, ProjectError, StorageError
from lakehouse.loading import undisturbed
from lakehouse.project import Project
from lakehouse.request import Listener, Request
from lakehouse.run import run
from lakehouse.session import Session
from lakehouse.state import TableState
from lakehouse.windows import BEGINNING, Window, Windows, subtract, union

_MOMENT = timedelta.resolution
_NAP = 60.0
"""Seconds of the longest wait: a machine that slept shall notice."""


@dataclass(frozen=True)
class Job:
    """Ingestions that run together, and when."""

    group: str
    crons: tuple[str, ...]
    ingestions: tuple[str, ...]

    def following(self, after: datetime, zone: ZoneInfo) -> datetime:
        """When it runs next."""
        return min(cron.following(each, after, zone) for each in self.crons)


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
    with _alone(settings), suppress(KeyboardInterrupt), signals.heeded():
        agenda = Agenda(dict.fromkeys(_jobs(settings)), settings.timezone)
        while True:
            job, due = agenda.next(clock.now())
            left = (due - clock.now()).total_seconds()
            if left > 0:
                listener.progress(f"waiting until {due:%H:%M}")
                time.sleep(min(left, _NAP))
            else:
                _run(settings, job, listener)
                agenda.ran[job] = clock.now()


@dataclass
class Agenda:
    """Which job comes next, by a clock that may be set at any time.

    Set ahead, a job that is overdue runs once, however often it would have. Set back, a job waits
    for its next time by the clock as it is now, as if it had just run.
    """

    ran: dict[Job, datetime | None]
    """When each job ran last; None: it is to run at once."""
    timezone: ZoneInfo

    def next(self, now: datetime) -> tuple[Job, datetime]:
        """The job that is due first, and when; it is overdue if that is not after `now`."""
        due = {}
        for job, ran in self.ran.items():
            self.ran[job] = before = ran and min(ran, now)
            due[job] = job.following(before, self.timezone) if before else BEGINNING
        job = min(due, key=due.__getitem__)
        return job, due[job]


def windows(session: Session, job: Job) -> Windows:
    """The days that a run of the job is about; the last window is the one with today.

    Besides today they are those that were missed: between days that its ingestions were asked for,
    and since the last of them. The day before a gap belongs to it: it was perhaps not over then.
    """
    zone, day = session.settings.timezone, session.today()
    today = Window.of_days(day, day, zone)
    tables, wanted = session.catalog.tables(MAIN), [today]
    for name in job.ingestions:
        table = session.project.ingestions[name].table
        if table in tables:
            wanted += _missed(tables[table].state, today, zone)
    return union(_whole_days(each, zone) for each in wanted)


def _missed(state: TableState, today: Window, zone: ZoneInfo) -> Windows:
    """The time since it was asked for anything that an ingestion lacks, up to the end of today."""
    asked = [window for window in state.covered if window.start < today.start]
    over = [day for window in asked for day in _over(window, today, zone)]
    since = [Window(window.start, today.end) for window in asked[:1]]
    return subtract(since, union([*over, *state.gone]))


def _over(window: Window, today: Window, zone: ZoneInfo) -> Iterator[Window]:
    """The days of a window that was asked for, except the last that may have begun by then.

    One that reaches beyond today was asked for by a clock that was wrong, or by somebody who
    insisted, nobody knows when: yesterday may have been that day.
    """
    end = window.end if window.end <= today.end else today.start
    last = _whole_days(Window(end - _MOMENT, end), zone)
    if window.start < last.start:
        yield Window(window.start, last.start)


def _whole_days(window: Window, zone: ZoneInfo) -> Window:
    first, last = (each.astimezone(zone).date() for each in (window.start, window.end - _MOMENT))
    return Window.of_days(first, last, zone)


def _jobs(settings: Settings) -> list[Job]:
    with Session(settings) as session:
        return jobs(session.project)


def _run(settings: Settings, job: Job, listener: Listener) -> int:
    """Run a job; what goes wrong is told, and ends nothing but this run. Its exit code."""
    try:
        with Session(settings) as session:
            return _catch_up(session, job, listener)
    except Exception as error:
        if interruption := signals.stopped(error):  # a library raised an error of its own
            raise interruption from error
        known = error if isinstance(error, LakehouseError) else None
        listener.warning(f"{job.group}: {known or unexpected(error)}")
        return known.exit_code if known else LakehouseError.exit_code


def _catch_up(session: Session, job: Job, listener: Listener) -> int:
    """Run a job for the last days, and then for what was missed before; the worst exit code.

    If the source does not have any more what was missed, that holds up nothing new.
    """
    session.start_loader()
    with _watched(session, listener) as watch:
        with undisturbed():
            session.open()
        for path in cache.changed_files(session.settings)[:1]:
            watch.warning(f"code changed, such as {path}: restart the schedule to run it")
        *missed, last = windows(session, job)
        code = _ingest(session, job, (last,), watch)
    if missed:
        with _watched(session, listener) as watch:
            code = max(code, _ingest(session, job, tuple(missed), watch))
    return code


def _ingest(session: Session, job: Job, days: Windows, listener: Listener) -> int:
    started = time.monotonic()
    names = frozenset([*job.ingestions, *session.project.models])
    report = run(session, Request(days, names, message=f"schedule {job.group}"), listener)
    listener.detail(f"{job.group}: {report.status} in {time.monotonic() - started:.1f} s")
    return FOUND_PROBLEMS if report.failed else 0


@contextmanager
def _watched(session: Session, listener: Listener) -> Iterator[Listener]:
    """Tell those who hear of trouble; code that would end the process ends the run alone."""
    with watching(session, listener) as watch:
        try:
            yield watch
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise ProjectError(
                f"the run was ended by {type(error).__name__}",
                hint="the project, or a library, exits there: let it raise another error",
            ) from error


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
