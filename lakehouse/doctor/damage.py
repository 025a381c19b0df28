"""Search for files of tables that are lost or damaged, and advice what to do about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import storage
from lakehouse.catalogs import MAIN, iceberg
from lakehouse.catalogs.intact import require_intact
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.errors import LakehouseError, StorageError

if TYPE_CHECKING:
    from lakehouse.catalogs import Catalog
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.session import Session


@dataclass(frozen=True)
class Damage:
    """One file of a table that is lost or damaged."""

    table: str
    message: str
    """What is wrong; it names the file."""
    is_data: bool
    """Whether the file holds rows; False: it is metadata, which lists the files."""


@dataclass
class Inspection:
    """Examines the tables of refs; a `deep` one reads every data file, none twice."""

    catalog: Catalog
    engine: DuckDB
    deep: bool
    _tables: dict[str, list[Damage]] = field(default_factory=dict)
    _files: dict[str, str] = field(default_factory=dict)

    def of(self, ref: str) -> list[Damage]:
        """Return the damages of the tables of a ref."""
        damages: list[Damage] = []
        for name, metadata in self.catalog.places(ref).items():
            if metadata not in self._tables:
                self._tables[metadata] = [*self._look(name, metadata)]
            damages += self._tables[metadata]
        return damages

    def newest_sound(self) -> str | None:
        """Return the id of main's newest commit whose tables can all be read, if there is one."""
        log = self.catalog.log()
        sound = (commit.id for commit in log if commit.readable and not self.of(commit.id))
        return next(sound, None)

    def _look(self, name: str, metadata: str) -> Iterator[Damage]:
        try:
            stored = iceberg.read(name, metadata, Path(storage.local(metadata)), MAIN)
            require_intact(name, metadata, self._checksums.get)
            files = iceberg.listed(metadata) if self.deep else []
        except LakehouseError as error:
            yield Damage(name, error.message, is_data=False)
            return
        if self.deep and stored.rows != sum(file.rows for file in files):
            message = f"of {name}, {metadata} and its manifests disagree about the number of rows"
            yield Damage(name, message, is_data=False)
        for file in files:
            problem = self._problem(file.path, file.rows)
            if problem:
                yield Damage(name, f"of {name}, {problem}", is_data=True)

    def _problem(self, path: str, rows: int) -> str:
        """Return what is wrong with a data file; empty if nothing is."""
        if path not in self._files:
            self._files[path] = self._read(path, rows)
        return self._files[path]

    def _read(self, path: str, rows: int) -> str:
        known = self._checksums.get(path)
        if known is not None and storage.checksum(Path(path)) != known:
            return f"{path} is lost, or is not what was written"
        # The hash covers whole rows, so every page of the file has to be decoded.
        hashes = f"SELECT count(*), bit_xor(hash(file)) FROM {parquet([path])} AS file"
        try:
            count, _ = self.engine.connection.execute(hashes).fetchall()[0]
        except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
            return f"{path} cannot be read: {str(error).splitlines()[0]}"
        return "" if count == rows else f"{path} has {count} rows instead of {rows}"

    @cached_property
    def _checksums(self) -> dict[str, int]:
        return self.catalog.checksums()


def require_sound(session: Session, *, deep: bool) -> None:
    """Raise StorageError, with the command that helps, if main names a file that cannot be read."""
    inspection = Inspection(session.catalog, session.duckdb, deep)
    damages = inspection.of(MAIN)
    if damages:
        first, count = damages[0], len(damages) - 1
        others = f"; and {count} more" if count else ""
        raise StorageError(f"{first.message}{others}", hint=_cure(session, inspection, damages))


def _cure(session: Session, inspection: Inspection, damages: Sequence[Damage]) -> str:
    """Return the command after which all tables of main can be read."""
    models = {model.table: name for name, model in session.project.models.items()}
    if all(damage.is_data and damage.table in models for damage in damages):
        names = " ".join(dict.fromkeys(damage.table for damage in damages))
        return f"`lakehouse run --full-refresh --select '{names}'` builds it anew"
    commit = inspection.newest_sound()
    if commit is None:
        return (
            f"no commit can be read: move {session.settings.home} away, and fetch anew:"
            " `lakehouse backfill`"
        )
    return (
        f"`lakehouse rollback {commit}` gives main the newest commit that can be read; then"
        " `lakehouse backfill --missing` fetches the days since"
    )
