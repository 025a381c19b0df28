"""Folders of files: which files are new, changed or absent since a run that reached main.

A file is the same if its size and its time of modification are, or else its content. Files are read
in the order of their names: of a row in several files, the valid version in the last one counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.declare.project_code import place_of, shown
from lakehouse.declare.raw_columns import FILE_NAME, fingerprint
from lakehouse.errors import ProjectError, SourceError
from lakehouse.plan.state import SeenFile, TableState
from lakehouse.system import clock

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec

_SETTLED_NANOSECONDS = 2_000_000_000
"""Age from which on the time of a file tells whether it was written again."""


@dataclass
class Folder:
    """The files of one ingestion that one run reads, and those that are absent."""

    spec: IngestionSpec
    listed: Mapping[str, Path]
    """All files that are there, by name, in order."""
    to_read: Mapping[str, Path]
    """Those that the run reads."""
    known: Mapping[str, SeenFile]
    """Those that main has, as they were when they were read."""
    read: dict[str, SeenFile] = field(default_factory=dict)
    """Those that the run has read so far, wholly."""

    @property
    def absent(self) -> frozenset[str]:
        """Files that main has and that are not there any more."""
        return frozenset(self.known.keys() - self.listed.keys())

    @property
    def touched(self) -> frozenset[str]:
        """Files of whose stored rows this run has learned what became of them."""
        return self.absent | self.read.keys()

    @property
    def lost(self) -> frozenset[str]:
        """Absent files whose rows are gone, too."""
        return self.absent if self.spec.deletes == "window" else frozenset()

    @property
    def is_new(self) -> bool:
        """Whether the run finds a file other than main has it."""
        return bool(self.to_read or self.lost)

    def __str__(self) -> str:
        changed = len(self.to_read.keys() & self.known.keys())
        counts = {"new": len(self.to_read) - changed, "changed": changed, "gone": len(self.lost)}
        named = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return f"files: {named or 'none new'}"

    def after(self, state: TableState, doubted: Collection[str], *, has_shared: bool) -> TableState:
        """Return a state with the files as they are now; those in doubt stay as they were."""
        read = {name: seen for name, seen in self.read.items() if name not in doubted}
        files = {**self.known, **read}
        for name in self.lost - {*doubted}:
            del files[name]
        is_all = self.read.keys() == self.listed.keys()
        share = has_shared or (state.files_share and not is_all)
        return replace(state, files=dict(sorted(files.items())), files_share=share)


def folder(
    spec: IngestionSpec, root: Path, state: TableState | None, *, everything: bool
) -> Folder:
    """Return what a run reads of a folder: with `everything`, all files that are there.

    Raises SourceError if the folder cannot be read.
    """
    listed = _listed(spec, root)
    known = {} if state is None else state.files
    doubted = {dict(entry.key).get(FILE_NAME) for entry in state.doubted} if state else set()
    to_read = {
        name: path
        for name, path in listed.items()
        if name in doubted or name not in known or not _is_same(path, known[name])
    }
    if state is not None:
        has_lost = not known.keys() <= listed.keys() or bool(known.keys() & to_read.keys())
        # A row that one file lost may be in another one, which was read before.
        everything = everything or (has_lost and state.files_share)
        everything = everything or state.fingerprint != fingerprint(spec)
    return Folder(spec, listed, listed if everything else to_read, known)


def look(path: Path) -> SeenFile:
    """Return size, time and content of a file. Raises OSError if it cannot be read."""
    status = path.stat()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    age = int(clock.now().timestamp() * 1e9) - status.st_mtime_ns
    # Within the grain of a file system's clock, a file may be written again at the same time.
    modified = status.st_mtime_ns if age > _SETTLED_NANOSECONDS else 0
    return SeenFile(status.st_size, modified, digest)


def _is_same(path: Path, seen: SeenFile) -> bool:
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (seen.size, seen.modified):
            return True
        return status.st_size == seen.size and look(path).digest == seen.digest
    except OSError:
        return False  # the reading will say what is wrong with it


def _listed(spec: IngestionSpec, root: Path) -> dict[str, Path]:
    """Return the files that match, by name: relative to the project's folder, or absolute."""
    pattern = Path(spec.files or "")
    fixed = [*_fixed(pattern)]
    start = root.joinpath(*fixed)
    rest = pattern.parts[len(fixed) :]
    try:
        if not start.is_dir():
            raise NotADirectoryError
        next(start.iterdir(), None)
        paths = [path for path in start.glob(str(Path(*rest))) if _is_file(path)]
    except OSError as error:
        place, reason = shown(str(start)), type(error).__name__
        raise SourceError(
            f"the folder of {spec.table} cannot be read: {place} ({reason})",
            hint="mount or create it, or correct `files`",
            place=place_of(spec.function),
        ) from None
    except (ValueError, NotImplementedError) as error:
        raise ProjectError(
            f"the `files` of {spec.table} are no pattern: {error}",
            hint="write one such as 'prices/*.csv' or 'prices/**/*.csv'",
            place=place_of(spec.function),
        ) from None
    base = root if not pattern.is_absolute() else Path()
    return dict(sorted((_name(path, base), path) for path in paths))


def _name(path: Path, base: Path) -> str:
    """Return the name of a file as text, also if it is none."""
    name = path.relative_to(base) if base.parts else path
    return name.as_posix().encode(errors="backslashreplace").decode()


def _is_file(path: Path) -> bool:
    """Return whether a path is a file, and no hidden one, as copies in progress often are."""
    return path.is_file() and not path.name.startswith(".")


def _fixed(pattern: Path) -> list[str]:
    """Return the parts of a pattern before the first with a wildcard; the last is none of them."""
    parts = []
    for part in pattern.parts[:-1]:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return parts
