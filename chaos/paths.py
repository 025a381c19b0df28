"""Runs the project in homes at odd paths: each must become what a home at a plain path becomes.

`python -m chaos.paths --seed 1 --times 100` prints what was found, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome
from chaos.look import State

_CHARACTERS = " +,@'&(%#?;$`*[{=:~!\\|<>^)]}äßøé日🩸\t\n\r\u0301\u200b\u202e"
"""Those that some program takes for something else than a part of a name."""
_NAMES = (
    *(f"a{character}b" for character in _CHARACTERS),
    *(" blank before", "blank after ", "-rf", "--help", ".hidden", "~", "~root", "$HOME", "..."),
    *("%s", "%20", "a%41b", "a%", "file:", "s3:", "a**b", "[!x]", "a{}b", "{0}", "{table_name}"),
    *("x=1", "day=1999-01-01", "site=nobody", "run=7", "a'; drop table x; --", '"b\'c`d"', "a\\nb"),
    *(unicodedata.normalize(form, "größe und (maß)") for form in ("NFC", "NFD")),
    *("n" * 255, "ä" * 127, "/".join(["deep" * 25] * 4), "/".join(["d"] * 200)),
)
"""Names of folders, and a few of folders in folders."""
_REFUSED = ("\udcff", "a\udce4b", "a\\*b", 'a"b', "/".join(["far" * 80] * 3))
"""Names that cannot serve, to be refused before anything is written."""
_LOOKS = (
    ["maintain"],
    ["doctor"],
    ["plan", "--date", str(story.FIRST)],
    ["query", "select * from lakehouse.runs"],
    ["query", "select count(*) from marts.mrt_glucose_overview"],
    ["query", "--on", "postgres", "select * from marts.publication"],
)
_DAYS = 2
_COULD_NOT_RUN = 2


@dataclass
class Findings:
    """What the attacks saw."""

    attacks: int = 0
    faults: list[str] = field(default_factory=list)


def attacks(
    folder: Path, seed: int, times: int, told: Callable[[str], None] = lambda _: None
) -> Findings:
    """Try so many homes below `folder`; the seed says in which order, and what is made up."""
    plain = _lived(folder / "plain", seed)
    findings, around = Findings(), folder / "around"
    for name in islice(_names(seed), times):
        around.mkdir()
        find = _refusal if name in _REFUSED else partial(_difference, seed=seed, plain=plain)
        fault = find(around, around / name)
        shutil.rmtree(around)
        findings.attacks += 1
        if fault:
            findings.faults.append(f"{name!r}: {fault}")
        told(f"{findings.attacks} of {times}: {name!r:.60}; faults: {len(findings.faults)}")
    return findings


def _names(seed: int) -> Iterator[str]:
    """Every name that is known to be odd, then names that are made up."""
    dice = random.Random(seed)
    known = [*_NAMES, *_REFUSED]
    dice.shuffle(known)
    yield from known
    characters = "ab-." + _CHARACTERS.replace("\\", "")
    while True:
        yield "".join(dice.choices(characters, k=dice.randint(2, 40))) + "c"


def _refusal(around: Path, home: Path) -> str:
    """What is wrong with how a home is refused."""
    code, said = _command(home, ["run", "--date", str(story.FIRST)])
    if code != _COULD_NOT_RUN or "LAKEHOUSE_HOME" not in said:
        return f"it is to be refused, but the exit code is {code}: {said}"
    return "it is refused after something was written" if any(around.iterdir()) else ""


def _difference(around: Path, home: Path, *, seed: int, plain: list[State]) -> str:
    """What is wrong with a home in which the same days were run as in a plain one."""
    try:
        states = _lived(home, seed)
    except RuntimeError as error:
        return str(error)
    if states != plain:
        return "it differs from a plain home"
    for words in _LOOKS:
        code, said = _command(home, words)
        if code:
            return f"`{words[0]}` ended with exit code {code}: {said}"
    code, again, _ = ProjectHome(home, seed).run(_DAYS)
    if code or again != plain[-1]:
        return "it differs from a plain home after `maintain` and the same day again"
    beside = [path for path in around.rglob("*") if path.is_file() and home not in path.parents]
    if beside:
        return f"{len(beside)} files lie beside it, such as {beside[0]}"
    return "others may list it" if home.stat().st_mode & 0o066 else ""


def _lived(home: Path, seed: int) -> list[State]:
    """What a home holds after each day."""
    states = []
    for number in range(1, _DAYS + 1):
        code, state, _ = ProjectHome(home, seed).run(number)
        if code:
            message = f"day {number} ended with exit code {code}"
            raise RuntimeError(message)
        states.append(state)
    return states


def _command(home: Path, words: list[str]) -> tuple[int, str]:
    """Run a command in a process of its own; its exit code, and what it said."""

    def run() -> tuple[int, str]:
        from lakehouse.cli import main

        os.environ["LAKEHOUSE_HOME"] = str(home)
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            code = main(words)
        return code, said.getvalue().strip()

    return forks.call(run)


if __name__ == "__main__":
    sys.exit(command.run("paths", attacks, times=100))
