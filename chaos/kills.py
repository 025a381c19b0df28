"""The experiment: the same days in two homes, one of which nobody disturbs."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chaos import command
from chaos.look import Rest, State

_AGAIN = 0.4
"""How often the run that would put things right is killed too."""


class Home(Protocol):
    """Where days are run, each in a process of its own."""

    def run(self, number: int) -> tuple[int, State, Rest]:
        """Run a day, counted from 1; the exit code, and what is there then."""
        ...

    def killed_run(self, number: int, after: float) -> bool:
        """Run a day and kill it after so many seconds; whether it was alive until then."""
        ...

    def look(self) -> tuple[State, Rest]:
        """What is there now."""
        ...

    def remove(self) -> None:
        """Delete it."""
        ...


@dataclass
class Findings:
    """What an experiment saw."""

    attacks: int = 0
    left_old: int = 0
    """Kills after which main and Postgres were as before."""
    left_new: int = 0
    """Kills after which both were as after."""
    left_unpublished: int = 0
    """Kills after which main was new and Postgres old."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Expected:
    """What an undisturbed home holds after each day, and how long each day took."""

    states: list[State]
    seconds: list[float]

    @classmethod
    def of(cls, home: Home, days: int) -> Expected:
        """Run all days, undisturbed."""
        states, seconds = [State({}, {})], [0.0]
        for number in range(1, days + 1):
            started = time.perf_counter()
            code, state, _ = home.run(number)
            seconds.append(time.perf_counter() - started)
            if code != 0:
                message = f"day {number} ended with exit code {code} although nobody disturbed it"
                raise RuntimeError(message)
            states.append(state)
        return cls(states, seconds)


def experiment(
    begin: Callable[[str], Home],
    *,
    seed: int,
    times: int,
    days: int = 4,
    told: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Kill so many runs; the seed says which, and when within the time that a run takes.

    `begin` makes a new home, given a name for it. After so many days, another is begun.
    """
    calm = begin("calm")
    expected = Expected.of(calm, days)
    calm.remove()
    dice, findings, lives = random.Random(seed), Findings(), 0
    while findings.attacks < times:
        lives += 1
        home = begin(f"home{lives}")
        for number in range(1, days + 1):
            where = f"home {lives}, day {number}"
            for moment in _moments(dice, expected.seconds[number]):
                if findings.attacks < times and home.killed_run(number, moment):
                    killed = f"{where}, killed after {moment:.3f} s"
                    findings.attacks += 1
                    _judge(home, expected.states[number - 1 : number + 1], killed, findings)
                    told(f"{findings.attacks} of {times}: {killed}; faults: {len(findings.faults)}")
            _converges(home, number, expected.states[number], where, findings)
        home.remove()
    return findings


def _moments(dice: random.Random, seconds: float) -> Iterator[float]:
    """When to kill the run of a day, and the run that follows, and so on."""
    yield dice.uniform(0, seconds)
    while dice.random() < _AGAIN:
        yield dice.uniform(0, seconds)


def _judge(home: Home, states: list[State], where: str, findings: Findings) -> None:
    """Main and Postgres are as before or as after, each as a whole, Postgres never ahead."""
    seen, _ = home.look()
    old, new = states
    if seen == old:
        findings.left_old += 1
    elif seen == new:
        findings.left_new += 1
    elif seen == State(new.main, old.postgres):
        findings.left_unpublished += 1
    else:
        findings.faults.append(f"{where}: {difference(seen, old, new)}")


def _converges(home: Home, number: int, new: State, where: str, findings: Findings) -> None:
    """One more run makes the home what it would be, and leaves nothing behind."""
    code, seen, rest = home.run(number)
    if code != 0:
        findings.faults.append(f"{where}: the next run ended with exit code {code}")
    if seen != new:
        findings.faults.append(f"{where}: after the next run {difference(seen, new, new)}")
    if rest.branches or rest.staging:
        findings.faults.append(f"{where}: after the next run there is still {rest}")


def difference(seen: State, old: State, new: State) -> str:
    """Which tables are neither as before nor as after, or not all at the same."""
    parts = []
    for place in ("main", "postgres"):
        there, before, after = (getattr(state, place) for state in (seen, old, new))
        names = {
            name: "old"
            if there.get(name) == before.get(name)
            else "new"
            if there.get(name) == after.get(name)
            else "neither"
            for name in sorted({*there, *before, *after})
        }
        parts.append(f"{place}: {names}")
    return "; ".join(parts)


def attacks(folder: Path, seed: int, times: int, told: Callable[[str], None]) -> Findings:
    """Kill so many runs of the project."""
    from chaos.home import ProjectHome

    def begin(name: str) -> ProjectHome:
        return ProjectHome(folder / name, seed)

    return experiment(begin, seed=seed, times=times, told=told)


if __name__ == "__main__":
    sys.exit(command.run("kills", attacks, times=200))
