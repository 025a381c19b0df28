"""The folder of a site: pieces whose fingerprint is unchanged stay, and what nobody made goes.

A piece is some files that are made together, such as a page with its data. New files are written
before old ones are removed, data before the pages that name them, and each file appears complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.errors import ConfigError

_STATE = ".lakehouse-site.json"
_FORM = 1
"""Version of the file of fingerprints."""
_SHORT = 16
"""Characters of a digest in the name of a file."""


def digest(*parts: Any) -> str:
    """Return the SHA-256 of texts, bytes and other values, as text."""
    hashed = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode(errors="surrogatepass")
        hashed.update(b"%d:" % len(raw) + raw)
    return hashed.hexdigest()


def content_name(text: str) -> str:
    """Return a name for a file that follows from its content."""
    return digest(text)[:_SHORT]


@dataclass(frozen=True)
class Piece:
    """Files of a site that are made together."""

    name: str
    fingerprint: str
    """Of everything that the files depend on."""
    make: Callable[[], Mapping[str, str]]
    """Returns the files: their texts by path."""


@dataclass
class Written:
    """What a build of a site did, by path from the folder."""

    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


class SiteFolder:
    """A folder that holds a site, and nothing else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before: Mapping[str, Any] = _read(path)
        self._after: dict[str, Any] = {}
        self.done = Written()
        self._new: dict[str, str] = {}

    @property
    def is_new(self) -> bool:
        """Whether the folder holds no site yet."""
        return not self._before

    def add(self, piece: Piece) -> None:
        """Let the site have the files of a piece; they are made if its fingerprint is new."""
        name = piece.name
        known = self._before.get(name)
        if known and known["of"] == piece.fingerprint and self._has(known["files"]):
            self._after[name] = known
            self.done.kept += known["files"]
            return
        files = piece.make()
        before = {} if known is None else known["files"]
        self._after[name] = {
            "of": piece.fingerprint,
            "files": {p: digest(t) for p, t in files.items()},
        }
        for path, text in files.items():
            if before.get(path) == self._after[name]["files"][path] and self._has([path]):
                self.done.kept.append(path)
            else:
                self._new[path] = text

    def finish(self) -> Written:
        """Write what is new, then remove what no piece has any more."""
        for path in sorted(self._new, key=lambda path: (path.endswith(".html"), path)):
            self._write(path, self._new[path])
            self.done.written.append(path)
        present = {path for piece in self._after.values() for path in piece["files"]}
        former = {path for piece in self._before.values() for path in piece["files"]}
        for path in sorted(former - present):
            (self.path / path).unlink(missing_ok=True)
            with suppress(OSError):  # until one holds something else
                for folder in (self.path / path).relative_to(self.path).parents[:-1]:
                    (self.path / folder).rmdir()
            self.done.removed.append(path)
        self._write(_STATE, json.dumps({"form": _FORM, "pieces": self._after}))
        return self.done

    def _has(self, paths: Any) -> bool:
        return all((self.path / path).is_file() for path in paths)

    def _write(self, path: str, text: str) -> None:
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.writing")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(target)


def _read(path: Path) -> Mapping[str, Any]:
    """Return the pieces that a folder holds. Raises ConfigError for a folder of something else."""
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file", hint="name a folder: `site -o DIR`")
    state = path / _STATE
    if not state.exists():
        if path.exists() and any(path.iterdir()):
            raise ConfigError(
                f"{path} holds something else than a site",
                hint="name an empty folder, or one that does not exist",
            )
        return {}
    with suppress(OSError, ValueError, TypeError):
        document = json.loads(state.read_text(encoding="utf-8"))
        if document["form"] == _FORM:
            pieces: Mapping[str, Any] = document["pieces"]
            return pieces
    return {}
