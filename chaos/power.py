"""`python -m chaos.power --seed 1 --times 40`: cut the power of runs; what was found, as JSON.

A home lies on a disk of its own, an image with ext4 on it. A power cut is what ext4 calls a
shutdown: from one moment on nothing reaches the disk, what was in memory only is lost, and when it
is mounted again ext4 recovers as after a real one. Needs Linux, and to be root.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome
from chaos.kills import Expected, difference
from chaos.look import State

_DAYS = 4
_SHUTDOWN, _NOTHING_MORE = 0x8004587D, 2
"""ext4's ioctl, and that not even its own journal is written any more."""
_OPTIONS = ("", "commit=300,noauto_da_alloc", "commit=300,noauto_da_alloc,data=writeback")
"""How the disk is mounted: as usual, or so that what nobody waits for stays in memory."""
_AGAIN = 0.5
"""How often the run that would put things right is cut off too."""
_AFTERWARDS = 0.1
"""The part of the time of a run that a cut may come after its end."""
_COMMANDS = (
    ("log",),
    ("branches",),
    ("plan", "--date", str(story.FIRST)),
    ("query", "SELECT count(*) AS n FROM lakehouse.runs"),
    ("doctor", "--deep"),
    ("maintain",),
)
_BAD = ("unexpected", "Traceback", "interrupted")


@dataclass
class Findings:
    """What power cuts left."""

    attacks: int = 0
    left_old: int = 0
    left_new: int = 0
    left_unpublished: int = 0
    after_the_end: int = 0
    """Cuts after a run had said that it is done."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Disk:
    """An image with a file system, mounted at `place`."""

    image: Path
    place: Path

    def make(self, options: str) -> None:
        """Make the file system, and mount it."""
        self.place.mkdir(parents=True)
        with self.image.open("wb") as file:
            file.truncate(1 << 29)
        _call("mkfs.ext4", "-q", str(self.image))
        self.mount(options)

    def mount(self, options: str) -> None:
        """Mount it, and thereby recover it."""
        _call("mount", "-o", ",".join(filter(None, ("loop", options))), self.image, self.place)

    def cut(self) -> None:
        """Let nothing reach the disk any more."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NOTHING_MORE))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Unmount it; whoever works on it is killed, as by a power cut."""
        until = time.monotonic() + 20
        while subprocess.run(["umount", self.place], check=False, capture_output=True).returncode:
            for process in self._users():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if time.monotonic() > until:
                message = f"{self.place} stays in use"
                raise RuntimeError(message)
            time.sleep(0.05)

    def _users(self) -> Iterator[int]:
        """The processes that work in a folder of it: Postgres, whose user was killed."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "cwd").readlink().is_relative_to(self.place):
                    yield int(folder.name)


@dataclass(frozen=True)
class PoweredHome(ProjectHome):
    """A home on a disk whose power can be cut."""

    disk: Disk
    options: str

    def cut_run(self, number: int, after: float) -> bool:
        """Run the day, cut the power after so many seconds, and start again.

        Gives whether the run had said that it is done.
        """
        with self.source(number) as url:
            done = forks.struck(lambda: self._succeed(number, url), after, self.disk.cut)
        self.disk.unmount()
        self.disk.mount(self.options)
        return done

    def remove(self) -> None:
        self.disk.unmount()
        self.disk.image.unlink()

    def problems(self) -> list[str]:
        """What commands say that do not end as they should."""
        found = (forks.call(partial(self._problem, words)) for words in _COMMANDS)
        return [problem for problem in found if problem]

    def _succeed(self, number: int, url: str) -> None:
        if self.run_here(number, url):
            raise SystemExit(1)

    def _problem(self, words: tuple[str, ...]) -> str:
        from lakehouse.cli import main

        os.environ["LAKEHOUSE_HOME"] = str(self.folder)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*words])
        said = f"{out.getvalue()}{err.getvalue()}"
        is_bad = code != 0 or any(word in err.getvalue() for word in _BAD)
        return f"`{' '.join(words)}` ended with {code}: {said}" if is_bad else ""


def attacks(
    folder: Path, seed: int, times: int, told: Callable[[str], None] = lambda _: None
) -> Findings:
    """Cut the power of so many runs of a few days; the seed says when."""
    calm = ProjectHome(folder / "calm", seed)
    experiment = _Experiment(Expected.of(calm, _DAYS), times, random.Random(seed), told)
    calm.remove()
    lives = 0
    while experiment.goes_on:
        lives += 1
        disk = Disk(folder / f"disk{lives}.img", folder / f"disk{lives}")
        options = experiment.dice.choice(_OPTIONS)
        disk.make(options)
        home = PoweredHome(disk.place / "home", seed, disk, options)
        try:
            experiment.live(home, f"home {lives} ({options})")
        except RuntimeError as error:  # what a process could not do is told above
            experiment.findings.faults.append(f"home {lives} ({options}): {error}")
        finally:
            home.remove()
    return experiment.findings


@dataclass
class _Experiment:
    expected: Expected
    times: int
    dice: random.Random
    told: Callable[[str], None]
    findings: Findings = field(default_factory=Findings)

    @property
    def goes_on(self) -> bool:
        return self.findings.attacks < self.times

    def live(self, home: PoweredHome, name: str) -> None:
        """Run the days of a home, each of them cut off a few times, and then in peace."""
        for number in range(1, _DAYS + 1):
            is_cut = True
            while is_cut and self.goes_on:
                moment = self.dice.uniform(0, (1 + _AFTERWARDS) * self.expected.seconds[number])
                where = f"{name}, day {number}, cut at {moment:.3f} s"
                faults = self.findings.faults
                before = len(faults)
                self._attack(home, number, moment, where)
                done = f"{self.findings.attacks} of {self.times}: {where}; faults: {len(faults)}"
                self.told("\n".join([done, *faults[before:]]))
                is_cut = self.dice.random() < _AGAIN
            self._converge(home, number, f"{name}, day {number}")

    def _attack(self, home: PoweredHome, number: int, moment: float, where: str) -> None:
        """Cut the power once: main and Postgres are as before or as after, every command works."""
        findings, (old, new) = self.findings, self.expected.states[number - 1 : number + 1]
        before = home.look()[0]
        said_done = home.cut_run(number, moment)
        findings.attacks += 1
        findings.after_the_end += said_done
        findings.faults += [f"{where}: {problem}" for problem in home.problems()]
        seen = home.look()[0]
        if seen == new:
            findings.left_new += 1
        elif said_done or before == new:
            findings.faults.append(f"{where}, when it was done: {difference(seen, old, new)}")
        elif seen == old:
            findings.left_old += 1
        elif seen == State(new.main, old.postgres):
            findings.left_unpublished += 1
        else:
            findings.faults.append(f"{where}: {difference(seen, old, new)}")

    def _converge(self, home: PoweredHome, number: int, where: str) -> None:
        """One more run makes the home what an undisturbed one is, and leaves nothing behind."""
        new = self.expected.states[number]
        code, seen, rest = home.run(number)
        if code != 0 or seen != new:
            message = f"the next run ended with {code}, {difference(seen, new, new)}"
            self.findings.faults.append(f"{where}: {message}")
        if rest.branches or rest.staging:
            self.findings.faults.append(f"{where}: after the next run there is still {rest}")


def _call(*words: object) -> None:
    subprocess.run([*map(str, words)], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(command.run("power", attacks, times=40))
