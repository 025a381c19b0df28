"""Signals at random moments of every command that moves main or Postgres."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome
from chaos.look import Rest, State

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
_PER_SCENE = 6
"""How often one command is attacked before the next is."""
_DAYS = 2
"""Days that a home holds before it is attacked."""


@dataclass
class Findings:
    """What the attacks found."""

    attacks: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """What a home holds at a moment."""

    head: str | None
    state: State
    rest: Rest
    left: tuple[str, ...]
    """Locks, leases, spilled and half-written files."""


@dataclass(frozen=True)
class Scene:
    """A home, kept as it was, and a command that may be broken off there."""

    home: Home
    kept: Path
    words: tuple[str, ...]
    again: tuple[str, ...]
    """What is run afterwards."""
    before: Seen
    after: Seen
    settled: tuple[State, ...]
    """What there may be then."""
    seconds: float
    """How long the command takes undisturbed."""


@dataclass(frozen=True)
class Home(ProjectHome):
    """A home in which any command can be run, and be sent a signal."""

    def command(self, *words: str) -> tuple[int, str]:
        """Run a command undisturbed; its exit code and what it said."""
        return self.signalled(words, signal.SIGCONT, 0.0)

    def signalled(self, words: tuple[str, ...], number: int, after: float) -> tuple[int, str]:
        """The same for one that is sent a signal after so many seconds."""
        said = self.folder.with_suffix(".said")
        with self.source(_DAYS + 1) as url:
            code = forks.signalled(partial(self._heard, words, url, said), number, after)
        return code, said.read_text()

    def see(self) -> Seen:
        """What is there now."""
        return forks.call(self._see)

    def _heard(self, words: tuple[str, ...], url: str, said: Path) -> int:
        with (
            said.open("w") as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            return self._main(words, url)

    def _see(self) -> Seen:
        from lakehouse.session import Session

        state, rest = self._look()
        with Session() as session:
            head = session.catalog.head()
        return Seen(head.id if head else None, state, rest, tuple(sorted(self._left())))

    def _left(self) -> Iterator[str]:
        for pattern in ("locks/run-*", "warehouse/leases/*", "spill/*/*", "**/*.writing"):
            yield from (str(each.relative_to(self.folder)) for each in self.folder.glob(pattern))


def attacks(
    folder: Path, seed: int, times: int, told: Callable[[str], None] = lambda _: None
) -> Findings:
    """Break commands off so often; the seed says which, how, and when."""
    dice, findings = random.Random(seed), Findings()
    while findings.attacks < times:
        for name in _SCENES:
            home = Home(folder / f"home{findings.attacks}-{name}", seed)
            scene = _begun(home, name)
            for _ in range(_PER_SCENE):
                if findings.attacks < times:
                    findings.attacks += 1
                    where, faults = _attack(scene, dice)
                    findings.faults += [f"{where}: {fault}" for fault in faults]
                    told("; ".join([f"{findings.attacks} of {times}: {where}", *faults]))
            shutil.rmtree(scene.kept)
            home.remove()
    return findings


def _begun(home: Home, name: str) -> Scene:
    """Make a home, and look what a command does there that nobody disturbs."""
    for number in range(1, _DAYS + 1):
        home.run(number)
    words = _SCENES[name](home)
    before, kept = home.see(), home.folder.with_suffix(".kept")
    _copy(home.folder, kept)
    started = time.perf_counter()
    code, said = home.command(*words)
    seconds = time.perf_counter() - started
    if code:
        message = f"{words} ended with exit code {code} although nobody disturbed it: {said}"
        raise RuntimeError(message)
    after, again = home.see(), ("run", "--date", f"{story.day(1)}")
    if words[0] in ("run", "backfill"):
        return Scene(home, kept, words, words, before, after, (after.state,), seconds)
    settled = [_next(home, again)]
    home.remove()
    _copy(kept, home.folder)
    settled.append(_next(home, again))
    return Scene(home, kept, words, again, before, after, tuple(settled), seconds)


def _next(home: Home, words: tuple[str, ...]) -> State:
    home.command(*words)
    return home.see().state


def _copy(home: Path, to: Path) -> None:
    """Copy a home, its owners too: Postgres refuses what is not its own."""
    subprocess.run(["cp", "-a", str(home), str(to)], check=True)


def _held(home: Home) -> tuple[str, ...]:
    _, said = home.command("run", "--date", f"{story.day(_DAYS + 1)}", "--no-merge")
    return "merge", re.findall(r"lakehouse merge (\S+)", said)[0]


def _first(home: Home) -> tuple[str, ...]:
    _, said = home.command("log", "--format", "json")
    return "rollback", json.loads(said)[-1]["commit"]


_SCENES: dict[str, Callable[[Home], tuple[str, ...]]] = {
    "run": lambda _: ("run", "--date", f"{story.day(_DAYS + 1)}"),
    "backfill": lambda _: (
        "backfill",
        *("--from", f"{story.day(1)}"),
        *("--to", f"{story.day(_DAYS + 1)}"),
    ),
    "merge": _held,
    "rollback": _first,
    "publish": lambda _: ("publish",),
    "maintain": lambda _: ("maintain",),
}
"""The command that each scene is about, by name; some need something to be there first."""


def _attack(scene: Scene, dice: random.Random) -> tuple[str, list[str]]:
    """Break the command off at some moment, look what is left, and run what comes next."""
    home, number, after = scene.home, dice.choice(_SIGNALS), dice.uniform(0, 1.1 * scene.seconds)
    where = f"{' '.join(scene.words)}, {signal.Signals(number).name} after {after:.3f} s"
    home.remove()
    _copy(scene.kept, home.folder)
    code, said = home.signalled(scene.words, number, after)
    seen = home.see()
    faults = [*_wrong(scene, seen), *_untrue(scene, seen, number, code, said)]
    code, said = home.command(*scene.again)
    settled = home.see()
    if code:
        faults.append(f"the next run ended with exit code {code}: {said.strip()[-300:]}")
    if settled.state not in scene.settled:
        faults.append("after the next run main or Postgres is not what it is undisturbed")
    branches = set(settled.rest.branches) - set(scene.before.rest.branches)
    if branches or settled.rest.staging or settled.left:
        faults.append(f"after the next run there is still {settled.rest} {settled.left}")
    return where, faults


def _wrong(scene: Scene, seen: Seen) -> Iterator[str]:
    """Main and Postgres are as before or as after, each as a whole, Postgres never ahead."""
    old, new = scene.before.state, scene.after.state
    if seen.state not in (old, new, State(new.main, old.postgres)):
        yield "main or Postgres is neither as before nor as after"


def _untrue(scene: Scene, seen: Seen, number: int, code: int, said: str) -> Iterator[str]:
    """What is said of main and Postgres is so, and the exit code is what shells expect."""
    if code < 0:
        if code != -number:
            yield f"it was killed by another signal: {code}"
        return  # it said nothing, perhaps because it had not begun
    if code == 0:
        if seen.state != scene.after.state:
            yield "it ended well, and main or Postgres is not as after"
        return
    if code != 128 + number or "interrupted" not in said:
        yield f"it ended with {code} and said {said.strip()[-300:]!r}"
    if found := re.search(r"main is at (\w+)", said):
        if found[1] != seen.head:
            yield f"it said {found[0]}, and main is at {seen.head}"
    elif "main is as it was" in said and seen.state.main != scene.before.state.main:
        yield f"it said {said.strip()!r}, and main is at {seen.head}"
    if "so is Postgres" in said and seen.state.postgres != scene.after.state.postgres:
        yield f"it said {said.strip()!r}, and Postgres is not there"


if __name__ == "__main__":
    sys.exit(command.run("signals", attacks, times=36))
