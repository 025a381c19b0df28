"""Runs whose source lies or never ends: each ends soon, names the person and changes nothing.

`python -m chaos.answers --seed 1 --times 80`; what was found, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome
from chaos.liars import ATTACKS, Liar

_SETTINGS = """\
[project]
[nightscout]
timeout = 0.5
attempts = 2
wake_timeout = 0.5
"""
_EXCHANGE = 2.0
"""Seconds that a request may take with these settings."""
_REST = 20.0
"""Seconds for all else that a run does, on a machine that is busy."""
_MEGABYTES = 400


@dataclass(frozen=True)
class Findings:
    """What was tried, and what went wrong."""

    attacks: int
    faults: list[str]


@dataclass(frozen=True)
class _Seen:
    """How a run ended."""

    code: int
    said: str
    seconds: float
    megabytes: int
    """By which its process grew."""


def attacks(folder: Path, seed: int, times: int, told: Callable[[str], None]) -> Findings:
    """Let so many runs ask a server that lies; the seed says which lies, in which order."""
    (folder / "lakehouse.toml").write_text(_SETTINGS)
    os.chdir(folder)
    home, faults = ProjectHome(folder / "home", seed), list[str]()
    code, before, _ = home.run(1)
    if code != 0:
        message = f"the first day ended with exit code {code} although its source was in order"
        raise RuntimeError(message)
    names = sorted(ATTACKS)
    random.Random(seed).shuffle(names)
    chosen = (names * (times // len(names) + 1))[:times]
    for number, name in enumerate(chosen, start=1):
        with Liar(ATTACKS[name]) as liar:
            seen = forks.call(partial(_run, folder / "home", liar.url))
            faults += [f"{name}: {fault}" for fault in _faults(seen, liar.url)]
        state, rest = home.look()
        if state != before or rest.branches:
            faults.append(f"{name}: main or Postgres changed, or {rest} was left")
        told(f"{number} of {times}: {name}, {seen.seconds:.1f} s; faults: {len(faults)}")
    code, after, _ = home.run(1)
    if code != 0 or after != before:
        faults.append(f"the run after all of them ended with exit code {code}")
    return Findings(len(chosen), faults)


def _run(home: Path, url: str) -> _Seen:
    """Run the second day in this process, against the server at `url`."""
    from lakehouse.cli import main

    os.environ |= {"LAKEHOUSE_HOME": str(home), "NIGHTSCOUT_URL": url, "NIGHTSCOUT_SITE": "anna"}
    before, started, said = _highest(), time.perf_counter(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = main(["run", "--date", str(story.day(2)), "--format", "json"])
    return _Seen(code, said.getvalue(), time.perf_counter() - started, _highest() - before)


def _highest() -> int:
    """The megabytes that this process took at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024


def _faults(seen: _Seen, url: str) -> list[str]:
    faults = []
    if seen.code not in (1, 2):
        faults.append(f"exit code {seen.code}")
    if f"site 'anna': {url}" not in seen.said:
        faults.append(f"the site is not named in {seen.said[:200]!r}")
    if seen.seconds > 2 * _EXCHANGE + _REST:
        faults.append(f"took {seen.seconds:.0f} s")
    if seen.megabytes > _MEGABYTES:
        faults.append(f"took {seen.megabytes} MB")
    return faults


if __name__ == "__main__":
    sys.exit(command.run("answers", attacks, times=len(ATTACKS)))
