"""`python -m chaos.damage --seed 1 --times 90`: damage files of a home; what was found, as JSON.

Each time one file of a home is cut, emptied, zeroed, overwritten, replaced by a folder, or has one
bit turned. Then commands are run. Each of them works, perhaps with a warning, or says in one line
what is wrong; and rows that are wrong are either refused or found by `doctor --deep`.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chaos import command, forks, story
from chaos.home import ProjectHome
from chaos.look import main_rows

_DAYS = 2
_KINDS = (
    "catalog.db",
    "catalog.db-wal",
    "format",
    "published",
    "warehouse/runs/*",
    "warehouse/code/*",
    "warehouse/staging/*/journal.jsonl",
    "warehouse/staging/**/*.parquet",
    "warehouse/*/*/metadata/*.metadata.json",
    "warehouse/*/*/metadata/*-m0.avro",
    "warehouse/*/*/metadata/snap-*.avro",
    "warehouse/*/*/data/**/*.parquet",
    "postgres/global/pg_control",
    "postgres/PG_VERSION",
    "postgres/base/*/*",
    "postgres/pg_wal/0*",
    "postgres/postgresql.conf",
)
"""The files of a home; of each kind one of the newest is damaged."""
_NEWEST = 14
_LAST = str(story.day(_DAYS))
_COMMANDS = (
    ("log",),
    ("branches",),
    ("plan", "--date", _LAST),
    ("query", "SELECT run, status FROM lakehouse.runs"),
    ("query", "SELECT count(*) AS n FROM marts.mrt_glucose_overview"),
    ("run", "--date", _LAST),
    ("backfill", "--from", _LAST, "--to", _LAST, "--resume"),
    ("maintain",),
    ("publish",),
    ("doctor",),
    ("freshness",),
)
_AT_A_TIME = 4
_BAD = ("unexpected", "Traceback", "interrupted", "Fatal Python error")


@dataclass
class Findings:
    """What damaged files led to."""

    attacks: int = 0
    unharmed: int = 0
    """Attacks after which everything worked and main had its rows."""
    told: int = 0
    """Attacks after which a command or `doctor --deep` named what is wrong."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DamagedHome(ProjectHome):
    """A home that commands are run in, whatever is left of it."""

    def say(self, words: tuple[str, ...], url: str) -> tuple[int, str, str]:
        """Run a command in a process of its own: exit code, standard output and error."""
        try:
            return forks.call(partial(self._say, words, url))
        except RuntimeError:
            return -1, "", "the process crashed"

    def rows(self) -> dict[str, str] | str:
        """The rows of main as digests by table, or why they cannot be read."""
        try:
            return forks.call(self._rows)
        except RuntimeError:
            return "Traceback: the process crashed"

    def _say(self, words: tuple[str, ...], url: str) -> tuple[int, str, str]:
        from lakehouse.cli import main

        os.environ |= {"LAKEHOUSE_HOME": str(self.folder), "NIGHTSCOUT_URL": url}
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*words])
        return code, out.getvalue(), err.getvalue()

    def _rows(self) -> dict[str, str] | str:
        from lakehouse.errors import LakehouseError
        from lakehouse.session import Session

        os.environ["LAKEHOUSE_HOME"] = str(self.folder)
        try:
            with Session() as session:
                return dict(main_rows(session))
        except LakehouseError as error:
            return error.message


def attacks(
    folder: Path, seed: int, times: int, told: Callable[[str], None] = lambda _: None
) -> Findings:
    """Damage so many files, one at a time; the seed says which, and how."""
    home, dice, findings = DamagedHome(folder / "home", seed), random.Random(seed), Findings()
    for number in range(1, _DAYS + 1):
        home.run(number)
    home.say(("backfill", "--from", _LAST, "--to", _LAST), "http://127.0.0.1:9")
    right, whole = home.rows(), folder / "whole"
    _copy(home.folder, whole)
    with home.source(_DAYS) as url:
        while findings.attacks < times:
            place = _chosen(home.folder, dice)
            how = _damage(place, dice)
            where = f"{place.relative_to(home.folder)}, {how}"
            findings.attacks += 1
            before = len(findings.faults)
            _judge(home, url, right, dice, where, findings)
            done = f"{findings.attacks} of {times}: {where}; faults: {len(findings.faults)}"
            told("\n".join([done, *findings.faults[before:]]))
            shutil.rmtree(home.folder)
            _copy(whole, home.folder)
    return findings


def _judge(
    home: DamagedHome,
    url: str,
    right: dict[str, str] | str,
    dice: random.Random,
    where: str,
    findings: Findings,
) -> None:
    rows = home.rows()
    code, out, err = home.say(("doctor", "--deep"), url)
    is_told = code == 2 or "is damaged" in err  # noqa: PLR2004
    findings.faults += _problems(where, ("doctor", "--deep"), code, err)
    if rows != right and not isinstance(rows, str) and code == 0:
        findings.faults.append(f"{where}: rows are wrong, and `doctor --deep` says: {out}")
    for words in dice.sample(_COMMANDS, _AT_A_TIME):
        code, _, err = home.say(words, url)
        is_told = is_told or code == 2 or "is damaged" in err  # noqa: PLR2004
        findings.faults += _problems(where, words, code, err)
    findings.told += is_told
    findings.unharmed += not is_told and rows == right


def _problems(where: str, words: tuple[str, ...], code: int, err: str) -> list[str]:
    """What is wrong with how a command ended: it works, or says in one line what is wrong."""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    is_one_line = code != 2 or words[0] == "doctor" or len(lines) == 1  # noqa: PLR2004
    if code in {0, 1, 2} and is_one_line and not any(word in err for word in _BAD):
        return []
    return [f"{where}: `{' '.join(words)}` ended with {code}: {err}"]


def _chosen(home: Path, dice: random.Random) -> Path:
    """A file of any kind, one of those that were written last: older ones nothing may name."""
    found = [[place for place in home.glob(pattern) if place.is_file()] for pattern in _KINDS]
    files = dice.choice([places for places in found if places])
    files.sort(key=lambda place: (place.stat().st_mtime_ns, place))
    return dice.choice(files[-_NEWEST:])


def _damage(place: Path, dice: random.Random) -> str:
    """Damage a file in some way; how, in words."""
    raw = bytearray(place.read_bytes())
    at = dice.randrange(len(raw) or 1)
    end = min(at + dice.choice((1, 16, 4096)), len(raw))
    how = dice.choice(("cut", "empty", "zeros", "garbage", "a bit", "other", "folder"))
    if how == "folder":
        place.unlink()
        place.mkdir()
        return how
    if how == "cut":
        del raw[at:]
    elif how == "empty":
        raw.clear()
    elif how == "zeros":
        raw[at:end] = bytes(end - at)
    elif how == "garbage":
        raw[at:end] = dice.randbytes(end - at)
    elif how == "a bit" and raw:
        raw[at] ^= 1 << dice.randrange(8)
    elif how == "other":
        raw[:] = b'[{"this": "is something else"}]\n' * 9
    place.write_bytes(raw)
    return f"{how} at {at}"


def _copy(source: Path, target: Path) -> None:
    """Copy a home with the owners of its files, which Postgres insists on."""
    shutil.copytree(source, target, symlinks=True)
    for place in (source, *source.rglob("*")):
        status = place.lstat()
        copied = target / place.relative_to(source)
        os.chown(copied, status.st_uid, status.st_gid, follow_symlinks=False)


if __name__ == "__main__":
    sys.exit(command.run("damage", attacks, times=90))
