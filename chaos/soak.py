"""`python -m chaos.soak --times 300`: so many scheduled runs in one process; what stays of each.

A schedule lives for months, so that nothing may stay of a run but what it wrote: no descriptor, no
thread, no process, no file in a temporary folder, and no memory. Runs that fail leave things most
easily: every other one has its source down, rows that a check refuses, Ctrl-C, or an error that
nobody thought of.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos import command, forks
from lakehouse.records.listener import Silence

if TYPE_CHECKING:
    from lakehouse.config import Settings

_LOOKS, _PAUSE = 10, 0.01
"""How often threads are looked at, and the seconds between."""
_SETTLED = 10
"""Runs after which everything is loaded, and every cache as full as it gets."""
_MORE_MB = 50.0
"""Megabytes that the process may have grown by since."""
_NODES = 30
"""Nodes of the DAG that a run visits at least, before one of which it can be broken off."""
_FILES = {
    "lakehouse.toml": """
[project]
models = "soaked"
[nightscout]
attempts = 1
""",
    "soaked/__init__.py": "from models import __path__ as _models; __path__ += _models",
    "soaked/trouble.py": """
from lakehouse import RangeCheck, quality


@quality(table="bronze.stg_glucose_entries", checks=[RangeCheck("glucose_mg_dl", 0, 499)])
def readings_are_below_500(): ...
""",
}
"""The project as it is, and a check that rows can fail which are valid."""


class Trouble(StrEnum):
    """What is in the way of a run."""

    NONE = "none"
    DOWN = "source down"
    BAD = "bad rows"
    INTERRUPTED = "interrupted"
    BROKEN = "unexpected error"


_TROUBLES = (Trouble.DOWN, Trouble.BAD, Trouble.INTERRUPTED, Trouble.BROKEN)
_ENDS = {Trouble.NONE: "0", Trouble.DOWN: "2", Trouble.BAD: "1", Trouble.BROKEN: "2"}
"""The exit code of the run; one that is interrupted has none."""
_ERRORS = (MemoryError, RecursionError, SystemExit, ValueError)


@dataclass(frozen=True)
class Sample:
    """What the process holds after a run."""

    run: int
    trouble: Trouble
    ended: str
    """The exit code, or 'interrupted'."""
    seconds: float
    rss_mb: float
    descriptors: int
    threads: int
    children: int
    temporary: int
    """Files and folders in the folder for temporary ones."""
    home: int
    """Files in the home."""

    def line(self) -> str:
        """The sample as a line of a table."""
        return "  ".join(
            f"{value:>{len(name)}.1f}" if isinstance(value, float) else f"{value!s:>{len(name)}}"
            for name, value in {**asdict(self), "trouble": f"{self.trouble:>16}"}.items()
        )


@dataclass
class Findings:
    """What a soak saw."""

    attacks: int = 0
    samples: list[Sample] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def attacks(folder: Path, seed: int, times: int, told: Callable[[str], None]) -> Findings:
    """Run the project's schedule so many times; the seed says what goes wrong, and where."""
    mood, temporary = folder / "mood", folder / "temporary"
    temporary.mkdir(parents=True)
    for name, text in _FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    mood.write_text(json.dumps([0, Trouble.NONE]))
    with _environment(folder, temporary), forks.beside(partial(_serve, seed, mood)) as url:
        os.environ["NIGHTSCOUT_URL"] = url.decode()
        from lakehouse import config

        beside = _children()
        runs = soak(config.load(folder), seed, times, lambda *now: mood.write_text(json.dumps(now)))
        return judged(runs, beside, told)


def soak(
    settings: Settings, seed: int, times: int, begin: Callable[[int, Trouble], object]
) -> Iterator[Sample]:
    """Run the schedule so many times; `begin` makes the source ready for a run."""
    from lakehouse.schedule import scheduler

    dice = random.Random(seed)
    for run in range(1, times + 1):
        trouble = Trouble.NONE if run % 2 else _TROUBLES[run // 2 % len(_TROUBLES)]
        begin(run, trouble)
        started = time.perf_counter()
        try:
            ended = str(scheduler.once(settings, _listener(trouble, dice)))
        except KeyboardInterrupt:
            ended = "interrupted"
        seconds = time.perf_counter() - started
        yield Sample(
            run,
            trouble,
            ended,
            seconds,
            rss_mb=_rss(),
            descriptors=_entries("/proc/self/fd"),
            threads=min(_threads()),
            children=_children(),
            temporary=_entries(tempfile.gettempdir()),
            home=sum(len(files) for _, _, files in os.walk(settings.home)),
        )


def judged(
    samples: Iterator[Sample],
    beside: int,
    told: Callable[[str], None],
    settled: int = _SETTLED,
) -> Findings:
    """The samples, and what is wrong about them; `beside` are child processes of others."""
    findings, first = Findings(), None
    told("  ".join(f"{name:>16}" if name == "trouble" else name for name in Sample.__annotations__))
    for sample in samples:
        findings.attacks += 1
        findings.samples.append(sample)
        first = sample if sample.run == settled else first
        findings.faults += [f"run {sample.run}: {each}" for each in _faults(sample, first, beside)]
        told(sample.line())
    return findings


def _faults(sample: Sample, first: Sample | None, beside: int) -> Iterator[str]:
    expected = _ENDS.get(sample.trouble, "interrupted")
    if sample.ended != expected:
        yield f"ended with {sample.ended} instead of {expected}: {sample.trouble}"
    if sample.children != beside:
        yield f"left {sample.children - beside} processes"
    if sample.temporary:
        yield f"left {sample.temporary} temporary files"
    if first is None:
        return
    for name in ("descriptors", "threads"):
        now, before = getattr(sample, name), getattr(first, name)
        if now != before:
            yield f"has {now} {name}; after run {first.run} it had {before}"
    if sample.rss_mb > first.rss_mb + _MORE_MB:
        yield f"takes {sample.rss_mb:.0f} MB; after run {first.run} it took {first.rss_mb:.0f}"


class _Breaking(Silence):
    """Listens to a run, and breaks it off before one of its nodes."""

    def __init__(self, error: BaseException, node: int) -> None:
        self._error, self._left = error, node

    def progress(self, message: str) -> None:  # noqa: ARG002
        self._left -= 1
        if self._left == 0:
            raise self._error


def _listener(trouble: Trouble, dice: random.Random) -> Silence:
    if trouble is Trouble.INTERRUPTED:
        return _Breaking(KeyboardInterrupt(), dice.randint(1, _NODES))
    if trouble is Trouble.BROKEN:
        return _Breaking(dice.choice(_ERRORS)("by chaos"), dice.randint(1, _NODES))
    return Silence()


def _serve(seed: int, mood: Path, writer: int) -> None:
    """Serve today's readings for ever: with each run one more comes late, and one is corrected."""
    from ingestion.query import Query
    from ingestion.recording import Recording
    from ingestion.replay import Documents, ReplayServer

    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    recorded = datetime(2024, 3, 1, tzinfo=UTC).timestamp() * 1000
    found = Recording().find(Query(count=0, start=recorded, end=recorded + 86_400_000))
    for document in found:
        document["date"] += int(midnight.timestamp() * 1000 - recorded)
        at = datetime.fromtimestamp(document["date"] / 1000, UTC).isoformat(timespec="milliseconds")
        document["dateString"] = document["sysTime"] = at.replace("+00:00", "Z")
    random.Random(seed).shuffle(found)

    class Archive:
        """What the source has when the present run asks."""

        def find(self, query: Query) -> list[Any]:
            run, trouble = json.loads(mood.read_text())
            if trouble == Trouble.DOWN:
                raise ValueError
            some = found[: len(found) // 2 + run]
            corrected = run % len(some)
            some[corrected] = {**some[corrected], "sgv": 100 + run % 200}
            if trouble == Trouble.BAD:
                some = [*some[:-2], {**some[-2], "sgv": 500}, {**some[-1], "sgv": "high"}]
            return Documents(some).find(query)

    sys.stderr = io.StringIO()  # it complains of what is meant to be so
    with ReplayServer(Archive()) as server:
        os.write(writer, f"{server.url}\n".encode())
        threading.Event().wait()


@contextmanager
def _environment(folder: Path, temporary: Path) -> Iterator[None]:
    """Let the project be that of the folder, with temporary files in a folder of their own."""
    before, place = dict(os.environ), tempfile.tempdir
    with ExitStack() as after:
        after.callback(os.environ.update, before)
        after.callback(os.environ.clear)
        after.callback(setattr, tempfile, "tempdir", place)
        os.environ |= {"LAKEHOUSE_HOME": str(folder / "home"), "TMPDIR": str(temporary)}
        tempfile.tempdir = str(temporary)
        yield


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _threads() -> Iterator[int]:
    """The threads, looked at several times: one that ends is counted until it is taken apart."""
    for _ in range(_LOOKS):
        yield _entries("/proc/self/task")
        time.sleep(_PAUSE)


def _rss() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _children() -> int:
    threads = Path("/proc/self/task").iterdir()
    return sum(len((each / "children").read_text().split()) for each in threads)


if __name__ == "__main__":
    sys.exit(command.run("soak", attacks, times=300, preload=False))
