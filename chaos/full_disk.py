"""Runs on a disk that is full at some point: each says so in words, and converges with more room.

`python -m chaos.full_disk --seed 1 --times 30`, as root of Linux, since it mounts small disks in
memory; what was found, as JSON.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome

_ROOT = Path(__file__).parents[1]
_NEW, _NEXT = 45_000, 1_000
"""Kilobytes that the first run takes, Postgres in it, and that a later one takes; a bit more."""
_ENOUGH = 300_000
_SHARE_OF_NEW = 0.4


@dataclass(frozen=True)
class Findings:
    """What was tried, and what went wrong."""

    attacks: int
    full: int
    """How many of the runs found the disk full."""
    faults: list[str]


def attacks(folder: Path, seed: int, times: int, told: Callable[[str], None]) -> Findings:
    """Let so many runs have too little room; the seed says how little."""
    dice, faults, full = random.Random(seed), list[str](), 0
    home = ProjectHome(folder / "disk/home", seed)  # tables can be read at this place only
    _, first, _ = home.run(1)
    _copy(home.folder, folder / "before")
    _, expected, _ = home.run(2)
    home.remove()
    for number in range(1, times + 1):
        is_new = dice.random() < _SHARE_OF_NEW
        room = dice.randrange(_NEW if is_new else _NEXT)
        where = f"{'a new home' if is_new else 'a second day'} with {room} KB"
        with _disk(folder / "disk") as disk:
            if not is_new:
                _copy(folder / "before", home.folder)
            _resize(disk, _used(disk) + room)
            day = 1 if is_new else 2
            code, said = _command(home.folder, day, seed)
            full += code != 0
            faults += [f"{where}: {fault}" for fault in _faults(code, said)]
            _resize(disk, _ENOUGH)
            code, state, rest = home.run(day)
            if code != 0 or state != (first if is_new else expected) or rest.branches:
                faults.append(f"{where}: with more room, exit code {code}, or another state")
        told(f"{number} of {times}: {where}; faults: {len(faults)}")
    return Findings(times, full, faults)


def _command(home: Path, day: int, seed: int) -> tuple[int, str]:
    """Run a day; the exit code, and what was said on stderr, of libraries too."""
    environment = {**os.environ, "LAKEHOUSE_HOME": str(home), "PYTHONPATH": str(_ROOT)}
    with forks.beside(lambda writer: story.serve(seed, day, writer)) as url:
        done = subprocess.run(
            [sys.executable, "-m", "lakehouse", "run", "--date", str(story.day(day))],
            check=False,
            capture_output=True,
            cwd=_ROOT,
            env={**environment, "NIGHTSCOUT_URL": url.decode()},
            text=True,
        )
    return done.returncode, done.stderr


def _faults(code: int, said: str) -> Iterator[str]:
    if code == 0:
        return
    first, *rest = said.splitlines() or [""]
    if code != 2:  # noqa: PLR2004 - could not run
        yield f"exit code {code}"
    if not first.startswith("error: the disk that holds ") or not first.endswith(" is full"):
        yield f"said {first[:200]!r}"
    if len(rest) != 1:
        yield f"said {len(rest)} more lines: {' | '.join(rest)[:300]!r}"


@contextlib.contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A small disk in memory, mounted here."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _resize(disk: Path, kilobytes: int) -> None:
    # Nothing would be no limit.
    size = f"remount,size={max(kilobytes, 4)}k"
    subprocess.run(["mount", "-o", size, disk], check=True)


def _used(disk: Path) -> int:
    return shutil.disk_usage(disk).used // 1_024


def _copy(home: Path, to: Path) -> None:
    """Copy with owners: those of Postgres' files matter."""
    subprocess.run(["cp", "-a", home, to], check=True)


if __name__ == "__main__":
    sys.exit(command.run("full_disk", attacks, times=30))
