"""The schedule: every group of ingestions runs by its `cron`, one after the other, for ever.

A run ingests the days since the last ingested day, so the first run makes up for those missed while
nothing ran. Runs happen in this thread: they cannot overlap, and a signal that ends the process
abandons the branch of the run as Ctrl-C does. As the process lives for months, each run has its own
session, and nothing of it stays in memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lakehouse.addresses.discretion import unexpected
from lakehouse.alerts import watching
from lakehouse.catalogs import MAIN
from lakehouse.compile import cache
from lakehouse.config import Settings
from lakehouse.declare.project import Project
from lakehouse.errors import FOUND_PROBLEMS, LakehouseError, ProjectError, StorageError
from lakehouse.plan.state import TableState
from lakehouse.records.listener import Listener
from lakehouse.run.attempts import run
from lakehouse.run.request import Request
from lakehouse.schedule import cron
from lakehouse.session import Session
from lakehouse.system import clock, file_locks, signals
from lakehouse.system.garbage import undisturbed
from lakehouse.windows import BEGINNING, Window, Windows, subtract, union

_MOMENT = timedelta.resolution
_NAP = 60.0
"""Seconds that one wait takes at most, so that a machine that slept notices the time."""


@dataclass(frozen=True)
class Job:
    """A group of ingestions that run together, and the times at which they run."""

    group: str
    crons: tuple[str, ...]
    ingestions: tuple[str, ...]

    def following(self, after: datetime, zone: ZoneInfo) -> datetime:
        """Return when the job runs next."""
        return min(cron.following(expression, after, zone) for expression in self.crons)


def jobs(project: Project) -> list[Job]:
    """Return a job for each group with a `cron`. Raises ProjectError if there is none."""
    groups: dict[str, list[str]] = {}
    for name, spec in project.ingestions.items():
        groups.setdefault(spec.group or name, []).append(name)
    scheduled = []
    for group, names in groups.items():
        declared = dict.fromkeys(project.ingestions[name].cron for name in names)
        crons = tuple(expression for expression in declared if expression is not None)
        if crons:
            scheduled.append(Job(group, crons, tuple(names)))
    if not scheduled:
        raise ProjectError(
            "no ingestion says when it is to run", hint="such as cron='0 * * * *' for every hour"
        )
    return scheduled


def once(settings: Settings, listener: Listener) -> int:
    """Run every job now, and return the exit code of the worst."""
    with _alone(settings):
        return max(_run(settings, job, listener) for job in _jobs(settings))


def forever(settings: Settings, listener: Listener) -> None:
    """Run every job now, and then by its cron, until the process is told to end.

    Raises StorageError if another process runs the schedule of this home.
    """
    with _alone(settings), suppress(KeyboardInterrupt), signals.heeded():
        agenda = Agenda(dict.fromkeys(_jobs(settings)), settings.timezone)
        while True:
            job, due = agenda.next(clock.now())
            seconds = (due - clock.now()).total_seconds()
            if seconds > 0:
                listener.progress(f"waiting until {due:%H:%M}")
                time.sleep(min(seconds, _NAP))
            else:
                _run(settings, job, listener)
                agenda.ran[job] = clock.now()
                if signals.passed():  # while the run was closing
                    return


@dataclass
class Agenda:
    """The order of jobs, by a clock that may be set at any time.

    If the clock is set ahead, an overdue job runs once, however many of its times were skipped. If
    it is set back, a job waits for its next time by the new clock, as if it had just run.
    """

    ran: dict[Job, datetime | None]
    """The last time that each job ran; None makes it run at once."""
    timezone: ZoneInfo

    def next(self, now: datetime) -> tuple[Job, datetime]:
        """Return the job that is due first, and when.

        A time up to `now` means that it is overdue.
        """
        due = {}
        for job, ran in self.ran.items():
            self.ran[job] = before = ran and min(ran, now)
            due[job] = job.following(before, self.timezone) if before else BEGINNING
        job = min(due, key=due.__getitem__)
        return job, due[job]


def windows(session: Session, job: Job) -> Windows:
    """Return the days that a run of the job is about; today is in the last window.

    They are today, the gaps between ingested days, and the days since the last one. The day before
    a gap is included: it may have been ingested before it was over.
    """
    zone, day = session.settings.timezone, session.today()
    today = Window.of_days(day, day, zone)
    tables, wanted = session.catalog.tables(MAIN), [today]
    for name in job.ingestions:
        spec = session.project.ingestions[name]
        if spec.by_window and spec.table in tables:
            wanted += _missed(tables[spec.table].state, today, zone)
    return union(_whole_days(window, zone) for window in wanted)


def _missed(state: TableState, today: Window, zone: ZoneInfo) -> Windows:
    """Return what an ingestion lacks between its first covered window and the end of today."""
    covered = [window for window in state.covered if window.start < today.start]
    over = [day for window in covered for day in _over(window, today, zone)]
    since = [Window(window.start, today.end) for window in covered[:1]]
    return subtract(since, union([*over, *state.archived_windows]))


def _over(window: Window, today: Window, zone: ZoneInfo) -> Iterator[Window]:
    """Yield a covered window without its last day, which was perhaps not over.

    If it reaches beyond today (a wrong clock, or `--force`), yesterday counts as its last day.
    """
    end = window.end if window.end <= today.end else today.start
    last = _whole_days(Window(end - _MOMENT, end), zone)
    if window.start < last.start:
        yield Window(window.start, last.start)


def _whole_days(window: Window, zone: ZoneInfo) -> Window:
    edges = (window.start, window.end - _MOMENT)
    first, last = (instant.astimezone(zone).date() for instant in edges)
    return Window.of_days(first, last, zone)


def _jobs(settings: Settings) -> list[Job]:
    with Session(settings) as session:
        return jobs(session.project)


def _run(settings: Settings, job: Job, listener: Listener) -> int:
    """Run a job, and return its exit code; an error is reported, and ends this run only."""
    try:
        with Session(settings) as session:
            return _catch_up(session, job, listener)
    except Exception as error:
        if interruption := signals.stopped(error):  # a library raised an error of its own
            raise interruption from error
        expected = error if isinstance(error, LakehouseError) else None
        listener.warning(f"{job.group}: {expected or unexpected(error)}")
        return expected.exit_code if expected else LakehouseError.exit_code


def _catch_up(session: Session, job: Job, listener: Listener) -> int:
    """Run a job for the last days, then for days missed before; return the worst exit code.

    In this order, new data is not held up by a source that no longer has the missed days.
    """
    session.start_staging()
    with _watched(session, listener) as watch:
        with undisturbed():
            session.open()
        for path in cache.changed_files(session.settings)[:1]:
            watch.warning(f"code changed, for example {path}: restart the schedule to run it")
        *missed, last = windows(session, job)
        code = _ingest(session, job, (last,), watch)
    if missed:
        with _watched(session, listener) as watch:
            code = max(code, _ingest(session, job, tuple(missed), watch))
    return code


def _ingest(session: Session, job: Job, days: Windows, listener: Listener) -> int:
    started = time.monotonic()
    project = session.project
    names = frozenset([*job.ingestions, *project.copies, *project.models])
    report = run(session, Request(days, names, message=f"schedule {job.group}"), listener)
    listener.detail(f"{job.group}: {report.status} in {time.monotonic() - started:.1f} s")
    return 0 if report.is_whole else FOUND_PROBLEMS


@contextmanager
def _watched(session: Session, listener: Listener) -> Iterator[Listener]:
    """Send alerts of the run inside.

    If the project's code exits the process, raise ProjectError.
    """
    with watching(session, listener) as watch:
        try:
            yield watch
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise ProjectError(
                f"the run was ended by {type(error).__name__}",
                hint="the project or a library tried to end the process, as `sys.exit` does:"
                " raise an ordinary error instead",
            ) from error


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the lock of the home's schedule, which the system frees when its process ends."""
    path = settings.home / "locks" / "schedule.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w") as file:
        if not file_locks.try_acquire(file):
            raise StorageError(
                f"another process runs the schedule of {settings.home}",
                hint="one is enough; stop the other one first",
            )
        yield
