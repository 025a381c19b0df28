"""What a page of the documentation shows, run as a reader would, in a copy of the project.

Blocks of a page run from top to bottom. Of a `console` block, each command runs, and must print what
the page shows: `…` stands for anything, and what differs from run to run (names of runs, commits,
times, seconds) is compared by its kind. A comment of the page, which no reader sees, may say more:

    <!-- run: lakehouse run -->         runs this here
    <!-- file: models/marts.py -->      the next block ends this file, or is all of it
    <!-- within: tests/test_x.py -->    lines of the next block that the file lacks are put there,
                                        each below the line of the block that it follows
    <!-- until stopped -->              the next block's command prints this, and goes on until Ctrl-C
    <!-- not run: needs Trino -->       the next block is only looked at

A comment that goes on to the end of the block hides the block, too.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receivers import Web

from ingestion.recording import Recording
from ingestion.replay import Documents, ReplayServer

ROOT = Path(__file__).parents[2]
COPIED = [
    *("ingestion", "models", "pages", "tests", "docs"),
    *("lakehouse.toml", "Makefile", "conftest.py", "pyproject.toml"),
]
LINKED = ["lakehouse", ".venv", "bench", "chaos", "deploy"]
"""Nothing writes to these; a link keeps their bytecode."""
COMPILED = "__pycache__"
SHOWN_AS = "/home/you"
"""What pages call the folder that the clone is in."""


def _entry(name: str, hour: int, glucose: float | str | None = None) -> dict[str, Any]:
    at = datetime(2024, 3, 15, hour, tzinfo=UTC)
    entry = {
        "_id": name,
        "type": "sgv",
        "date": at.timestamp() * 1000,
        "dateString": at.isoformat(),
    }
    return entry if glucose is None else {**entry, "sgv": glucose}


ALERTS = "slack://TokenA/TokenB/TokenC mailto://user:password@example.org"
STAND_INS: dict[str, tuple[Recording | Documents, str | None]] = {
    "you": (Recording(), "…"),
    "anna": (Recording(), None),
    "ben": (Recording(), None),
    "carla": (Recording(), None),
    "dora": (Recording(), None),
    "low": (
        Documents([_entry("bad", 13, 650), *(_entry(f"e{h}", h, 100) for h in range(12))]),
        None,
    ),
    "odd": (
        Documents(
            [_entry("a", 1, "high"), _entry("b", 2), *(_entry(f"e{h}", h, 100) for h in (3, 4, 5))]
        ),
        None,
    ),
}
"""What the Nightscout of each name has, and the secret that it asks for."""

_STEP = re.compile(
    r"^<!-- (?P<comment>(?:run|file|within|not run): .*?|until stopped)(?: -->)?$"
    r"|^```(?P<language>\w*)\n(?P<text>(?:.*\n)*?)```$",
    re.MULTILINE,
)
_LIKE = {
    "run": r"\d{8}T\d{6}-[0-9a-f]{6}",
    "commit": r"\b[0-9a-f]{16}\b",
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d:\d\d)?",
    "seconds": r"(?<![\d.])\d+\.\d\d?(?![\d.])(?: ?s\b)?",
    "today": r"\b2026-\d\d-\d\d\b",
    "size": r"\b\d+(?:\.\d)? [kM]B\b",
    "rule": r"─+",
    "blank": r"\s+",
}
"""What differs from run to run."""
_VARIES = re.compile(
    "|".join([r"\s*…\s*", *(f"(?P<{kind}>{like})" for kind, like in _LIKE.items())])
)
_LONGEST = 300
"""Seconds that a command may take."""
_SET_UP = re.compile(r"^installing .* into \.venv \.\.\.\n", re.MULTILINE)
"""What `make` says of packages, once."""
_FAILS = re.compile(r"^(error:|incomplete | +→ )", re.MULTILINE)
_SHELL = """
lakehouse() { .venv/bin/python -m lakehouse "$@"; }
make() {  # packages are there already, and tests run no tests
    if test "$1" = run
    then command make -s -o .venv/.run -o .venv/.dev "$@"
    else command make -n -o .venv/.run -o .venv/.dev "$@" > /dev/null
    fi
}
"""


@dataclass(frozen=True)
class Step:
    """A block of a page, or a comment that runs something."""

    line: int
    language: str
    text: str
    comments: tuple[str, ...] = ()

    def told(self, word: str) -> str | None:
        """What the comments before the block say of this."""
        said = [each.partition(":") for each in self.comments]
        return next((rest.strip() for name, _, rest in said if name == word), None)


def steps(page: Path) -> Iterator[Step]:
    """What is to be done of a page, in order."""
    text = page.read_text()
    comments: list[str] = []
    for found in _STEP.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        comment = found["comment"]
        if comment is None:
            yield Step(line, found["language"], found["text"], tuple(comments))
            comments = []
        elif comment.startswith("run: "):
            yield Step(line, "console", f"$ {comment.removeprefix('run: ')}\n")
        else:
            comments.append(comment)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what it is said to print."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        command = lines.pop(0)
        while lines and _goes_on(command):
            command += lines.pop(0)
        yield command.rstrip("\n"), "".join(lines)


def _goes_on(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quote is open
        return True
    return command.endswith("\\\n")


def pattern(shown: str, known: dict[str, str]) -> str:
    """A regular expression for what may be printed where a page shows this."""
    parts, position, groups = [], 0, {}
    for found in _VARIES.finditer(shown):
        parts.append(re.escape(shown[position : found.start()]))
        position, kind, text = found.end(), found.lastgroup, found[0]
        if kind is None:
            parts.append(".*?")
        elif kind not in ("run", "commit"):
            parts.append(_LIKE[kind])
        elif text in known:
            parts.append(re.escape(known[text]))
        elif text in groups:
            parts.append(f"(?P={groups[text]})")
        else:
            groups[text] = f"{kind}_{text.replace('-', '_')}"
            parts.append(f"(?P<{groups[text]}>{_LIKE[kind]})")
    return "".join([*parts, re.escape(shown[position:])])


def ids(shown: str, printed: str, known: dict[str, str]) -> dict[str, str]:
    """What is printed in place of runs and commits that a page shows.

    Raises AssertionError with the first line that the page does not foresee.
    """
    shown = _SET_UP.sub("", shown).strip()
    found = re.fullmatch(pattern(shown, known), printed.strip(), re.DOTALL)
    if found is None:
        lines = shown.splitlines(keepends=True)
        fits = (
            number
            for number in range(len(lines), -1, -1)
            if re.match(pattern("".join(lines[:number]).strip(), known), printed.strip(), re.DOTALL)
        )
        where = "".join(lines[next(fits) :][:1]) or "no more"
        raise AssertionError(f"the page shows: {where.strip()}\nprinted was:\n{printed}")
    return {
        name.partition("_")[2].replace("_", "-"): text for name, text in found.groupdict().items()
    }


@dataclass
class Reader:
    """Does what a page says, in a copy of the project."""

    folder: Path
    names: dict[str, str]
    """Addresses that pages name, and those of servers on this machine that stand in for them."""
    known: dict[str, str] = field(default_factory=dict)
    settings: list[str] = field(default_factory=list)

    def do(self, step: Step) -> None:
        """Do it. Raises AssertionError where it is not as the page says."""
        if step.told("not run") is not None:
            return
        if (name := step.told("file")) is not None:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text().rstrip() + "\n\n\n" if path.exists() else ""
            path.write_text(before + self._ours(step.text))
        elif (name := step.told("within")) is not None:
            path = self.folder / name
            path.write_text(_within(path.read_text(), step.text))
        elif step.language == "console":
            for command, shown in commands(step.text):
                self._run(command, shown, stop="until stopped" in step.comments)
        elif step.language == "sql":
            self._run(f"lakehouse query {shlex.quote(step.text)}", "", stop=False)
        elif step.language == "toml":
            tomllib.loads(step.text)
        elif step.language == "json":
            json.loads(step.text)
        elif step.language == "python":
            raise AssertionError("say in which file this is, or that it is not run")

    def _run(self, command: str, shown: str, *, stop: bool) -> None:
        if command.startswith(("export ", "source ")):
            self.settings.append(self._ours(command))
            return
        script = "\n".join([_SHELL, *self.settings, self._ours(command)])
        printed, wanted = "", pattern(shown.strip(), self.known)
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process, _ended_after(process, _LONGEST):
            for line in process.stdout or ():
                printed += self._theirs(line)
                if stop and re.fullmatch(wanted, printed.strip(), re.DOTALL):
                    os.killpg(process.pid, signal.SIGINT)
                    process.communicate()
                    break
        code = process.returncode
        told = f"$ {command}\n{printed}"
        assert (code != 0) == bool(_FAILS.search(shown)), f"exit code {code}\n{told}"
        if shown:
            self.known |= ids(shown, printed, self.known)

    def _ours(self, text: str) -> str:
        """The same with the names of this machine."""
        text = re.sub(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b|\b[0-9a-f]{4,16}\b", self._actual, text)
        for shown, actual in self.names.items():
            text = text.replace(shown, actual)
        return text.replace(SHOWN_AS, str(self.folder.parent))

    def _actual(self, found: re.Match[str]) -> str:
        """The name of a run or a commit of this machine for that of the page, or for its start."""
        text = found[0]
        for shown, actual in self.known.items():
            if shown.startswith(text):
                return actual[: len(text)]
            if "-" in shown and shown.endswith(f"-{text}"):
                return actual[-len(text) :]
        return text

    def _theirs(self, text: str) -> str:
        """The same with the names of the page."""
        for shown, actual in self.names.items():
            text = text.replace(actual, shown)
        text = text.replace(str(self.folder.parent), SHOWN_AS)
        return re.sub(rf"(?<= {{2}}|· ){pwd.getpwuid(os.getuid()).pw_name}(?= )", "you", text)


@contextmanager
def reading(page: Path, folder: Path, postgres: str) -> Iterator[Reader]:
    """A reader of this page, in a clone in the folder, to whom all its servers are there."""
    folder = folder / "lakehouse"
    _clone(folder)
    named = set(re.findall(r"https://(\w+)\.example\.org", page.read_text()))
    with ExitStack() as servers:
        names = {
            "postgresql://user:password@host:5432/database": postgres,
            ALERTS: servers.enter_context(Web().open()),
            "5433": _free_port(),
        }
        for name in sorted(named):
            archive, secret = STAND_INS[name]
            server = servers.enter_context(ReplayServer(archive, secret=secret))
            names[f"https://{name}.example.org"] = server.url
        yield Reader(folder, names)


def _clone(folder: Path) -> None:
    """Make a folder a fresh clone; what pages before have compiled there stays, as it takes long."""
    for top, folders, files in os.walk(folder, topdown=False):
        place = Path(top)
        if place.name == COMPILED and (ROOT / place.relative_to(folder)).parent.exists():
            continue
        for name in (*files, *folders):
            if not (place / name).is_dir() or (place / name).is_symlink():
                (place / name).unlink()
            elif not any((place / name).iterdir()):
                (place / name).rmdir()
    without = shutil.ignore_patterns(COMPILED)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=without, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / name, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)


@contextmanager
def _ended_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    """End the process group with Ctrl-C if it runs longer."""
    timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def _environment() -> dict[str, str]:
    ours = ("LAKEHOUSE_", "NIGHTSCOUT_", "PYTEST_", "PYTHONPATH", "MAKE", "AWS_")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}


def _within(file: str, block: str) -> str:
    lines, place = file.splitlines(), -1
    for line in block.splitlines():
        if line in lines[place + 1 :]:
            place = lines.index(line, place + 1)
        elif "…" not in line:
            place += 1
            lines.insert(place, line)
    return "\n".join([*lines, ""])
