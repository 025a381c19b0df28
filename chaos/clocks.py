"""Clocks that jump between runs and while they are at work, beside a home whose clock is right."""

from __future__ import annotations

import contextlib
import io
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome
from chaos.kills import Expected
from chaos.look import Rest, State

_DAYS = 4
_STEPS = [
    sign * step
    for sign in (-1, 1)
    for step in (
        timedelta(seconds=2),
        timedelta(minutes=20),
        timedelta(days=1),
        timedelta(days=365),
    )
]
"""How far a clock is set back or ahead. The story's days stay in the past: others are refused."""


@dataclass
class Findings:
    """What the attacks found."""

    attacks: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Clock:
    """A clock that is wrong by one step, and by another one when some seconds have passed."""

    first: timedelta
    then: timedelta
    after: float

    def set(self) -> None:
        """Let this process go by it."""
        from lakehouse.system import clock

        began = time.monotonic()

        def now() -> datetime:
            has_jumped = time.monotonic() - began > self.after
            return datetime.now(UTC) + (self.then if has_jumped else self.first)

        clock.now = now


@dataclass(frozen=True)
class Home(ProjectHome):
    """A home whose commands go by a clock of their own."""

    def run_by(self, clock: Clock, number: int, *words: str) -> tuple[int, State, Rest]:
        """Run a command of a day by a clock; its exit code, and what is there then."""
        with self.source(number) as url:
            return forks.call(lambda: (self._by(clock, url, words), *self._look()))

    def _by(self, clock: Clock, url: str, words: tuple[str, ...]) -> int:
        clock.set()
        with contextlib.redirect_stdout(io.StringIO()):
            return self._main(words, url)


def attacks(
    folder: Path, seed: int, times: int, told: Callable[[str], None] = lambda _: None
) -> Findings:
    """Run days by clocks that jump, and keep the home up meanwhile, so often."""
    dice, findings = random.Random(seed), Findings()
    calm = ProjectHome(folder / "calm", seed)
    expected = Expected.of(calm, _DAYS)
    calm.remove()
    lives = 0
    while findings.attacks < times:
        lives += 1
        home = Home(folder / f"home{lives}", seed)
        for number in range(1, _DAYS + 1):
            for words in (("run", "--date", f"{story.day(number)}"), ("maintain",)):
                clock = _clock(dice, expected.seconds[number])
                code, state, rest = home.run_by(clock, number, *words)
                findings.attacks += 1
                where = f"home {lives}, day {number}, {' '.join(words)}, {clock}"
                faults = [f"it ended with exit code {code}"] if code else []
                if state != expected.states[number]:
                    faults.append("main or Postgres is not as with a clock that is right")
                if rest.branches or rest.staging:
                    faults.append(f"there is still {rest}")
                findings.faults += [f"{where}: {fault}" for fault in faults]
                told("; ".join([f"{findings.attacks} of {times}: {where}", *faults]))
        home.remove()
    return findings


def _clock(dice: random.Random, seconds: float) -> Clock:
    return Clock(dice.choice(_STEPS), dice.choice(_STEPS), dice.uniform(0, seconds))


if __name__ == "__main__":
    sys.exit(command.run("clocks", attacks, times=24))
