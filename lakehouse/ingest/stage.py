"""Staging: the pages of a source are written to Parquet files, exactly as they were yielded."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse import storage
from lakehouse.declare.raw_columns import POSITION
from lakehouse.errors import StorageError
from lakehouse.ingest.dlt_rows import cause_of

if TYPE_CHECKING:
    import pyarrow as pa

_SETTINGS: dict[str, dict[str, Any]] = {
    "runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"},  # errors are raised, too
    # At the end of a source dlt would wait for results of other threads, but it is given none.
    "extract": {"futures_poll_interval": 0.0},
    "schema": {"naming": "direct"},  # names of columns stay as the source wrote them
}
"""All that dlt is told, by section."""
_OF_A_POOL = re.compile(r"dlt-pool-(\d+)-")
"""How the threads of dlt are named, with the number of the thread that started them."""
_TAKEN_FOR_PATTERNS = frozenset("%*?")
"""Characters of a path that dlt would format or expand."""


@dataclass
class Pages:
    """Iterable of the pages of a source, which adds positions, counts rows and measures time."""

    source: Iterable[pa.Table]
    first: int = 0
    """The position of the first row."""
    rows: int = 0
    """Number of rows that were read so far."""
    seconds: float = field(default=0.0)
    """Time that was waited for the source so far."""

    def __iter__(self) -> Iterator[pa.Table]:
        import pyarrow as pa

        pages = iter(self.source)
        while True:
            started = time.perf_counter()
            page = next(pages, None)
            self.seconds += time.perf_counter() - started
            if page is None:
                return
            start = self.first + self.rows
            positions = pa.array(range(start, start + page.num_rows), pa.int64())
            self.rows += page.num_rows
            if page.num_rows:
                yield page.append_column(POSITION, positions)


class Stage(Protocol):
    """Function that writes named pages as Parquet under a folder, and returns each name's files."""

    def __call__(
        self, pages: Mapping[str, Iterable[pa.Table]], *, group: str, folder: Path
    ) -> dict[str, list[str]]:
        """Stage the pages. Raises an error of a source as the source raised it."""
        ...


def stage(
    pages: Mapping[str, Iterable[pa.Table]], *, group: str, folder: Path
) -> dict[str, list[str]]:
    """Write the pages of several ingestions with dlt to Parquet files: `folder`/`group`/<name>.

    Files that a killed run left there are removed first.
    """
    tables = ((name, page) for name, of_name in pages.items() for page in of_name)
    return load(tables, list(pages), group=group, folder=folder)


def load(
    tables: Iterable[tuple[str, pa.Table]], names: Sequence[str], *, group: str, folder: Path
) -> dict[str, list[str]]:
    """Do the work of `stage` for (name, table) pairs in any order; `names` are all names."""
    for name, setting in _SETTINGS["runtime"].items():  # they are read when dlt is imported
        os.environ[f"RUNTIME__{name.upper()}"] = str(setting)
    storage.remove_folder(folder / group)
    storage.make_folder(folder)
    sent: dict[str, dict[str, int]] = {name: {} for name in names}
    with _at_hand(folder, group) as place, _settings_of_our_own():
        _load(_by_shape(tables, sent), group, place)
        files = {
            name: [folder / path.relative_to(place) for path in _parquet(place / group, parts)]
            for name, parts in sent.items()
        }
    for name, parts in sent.items():
        _require_rows(name, sum(parts.values()), files[name])
    return {name: [*map(str, paths)] for name, paths in files.items()}


def _parquet(staged: Path, parts: Iterable[str]) -> list[Path]:
    """Return the Parquet files of some parts of a folder on this machine, part by part."""
    return [path for part in parts for path in sorted((staged / part).glob("*.parquet"))]


def part_of(name: str, columns: pa.Schema) -> str:
    """Return the name of the folder with the files of these columns."""
    shape = hashlib.sha256(columns.to_string(show_schema_metadata=False).encode())
    return f"{name}-{shape.hexdigest()[:12]}"


def _by_shape(
    tables: Iterable[tuple[str, pa.Table]], sent: dict[str, dict[str, int]]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the tables under names that tell their columns, and add their rows to those `sent`.

    dlt would cast the pages of one name to common types, which may change values.
    """
    for name, table in tables:
        part = part_of(name, table.schema)
        sent[name][part] = sent[name].get(part, 0) + table.num_rows
        yield part, table


def _require_rows(name: str, rows: int, files: Sequence[Path]) -> None:
    """Raise StorageError unless the files hold so many rows: nobody else would miss them."""
    from pyarrow import parquet

    held = 0
    for path in files:
        with path.open("rb") as file:
            held += parquet.read_metadata(file).num_rows
    if held != rows:
        raise StorageError(f"{rows} rows of {name} were staged, and the files hold {held}")


@contextmanager
def _settings_of_our_own() -> Iterator[None]:
    """Shut out what a user has configured for dlt, in files or variables: it may move our files.

    In this thread and those that it starts: another one may read a source of dlt meanwhile, for
    which a user's settings and secrets are meant.
    """
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.providers import CustomLoaderDocProvider
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    context = Container()[PluggableRunContext].providers
    before, thread = context.providers, _thread()
    ours = CustomLoaderDocProvider("lakehouse", lambda: _SETTINGS)

    class Providers(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            return iter([ours] if _thread() == thread else before)

    context.providers = Providers()
    try:
        yield
    finally:
        context.providers = before


def _thread() -> int:
    """Return the number of this thread, or of the one that started it as one of dlt's."""
    started = _OF_A_POOL.match(threading.current_thread().name)
    return int(started[1]) if started else threading.get_ident()


@contextmanager
def _at_hand(folder: Path, group: str) -> Iterator[Path]:
    """Yield a folder on this machine that dlt can write to; then move its files to `folder`.

    There are characters that dlt expands in a path. And for a bucket it would need a client and
    keys of its own.
    """
    if storage.is_on_disk(folder) and _is_plain(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="lakehouse-", dir=temporary_folder()) as place:
        yield Path(place)
        if (staged := Path(place) / group).exists():
            _move(staged, folder)


def temporary_folder() -> str | None:
    """Return where dlt can write temporary files; None: in the usual folder."""
    return None if _is_plain(tempfile.gettempdir()) else "/tmp"  # noqa: S108 - for folders in it


def _move(staged: Path, folder: Path) -> None:
    """Move a folder into another one; to a bucket, only its Parquet files."""
    if storage.is_on_disk(folder):
        shutil.move(staged, folder)
        return
    files = [*staged.glob("*/*.parquet")]
    targets = [folder / file.relative_to(staged.parent) for file in files]
    folder.fs.put([*map(str, files)], [*map(str, targets)])  # type: ignore[attr-defined]


def _is_plain(path: object) -> bool:
    return not _TAKEN_FOR_PATTERNS & {*str(path)}


def _load(tables: Iterable[tuple[str, pa.Table]], group: str, folder: Path) -> None:
    import dlt
    from dlt.destinations import filesystem
    from dlt.extract import DltResource, DltSource

    working = tempfile.mkdtemp(prefix=".dlt-", dir=folder)
    pipeline = dlt.pipeline(
        pipeline_name=group,
        pipelines_dir=working,
        destination=filesystem(bucket_url=folder.as_uri(), enable_dataset_name_normalization=False),
        dataset_name=group,
    )
    pipeline.config.restore_from_destination = False  # there is no dlt state to be read
    # Made without dlt's decorators, which search every imported module for their caller.
    named = (dlt.mark.with_table_name(table, name) for name, table in tables)
    source = DltSource(dlt.Schema(group), group, [DltResource.from_data(named, group)])
    try:
        # The three steps of dlt's `run`, which would read from the destination first.
        pipeline.extract(
            source,
            loader_file_format="parquet",
            write_disposition="append",
        )
        pipeline.normalize()
        pipeline.load(raise_on_failed_jobs=True)
    except Exception as error:  # noqa: BLE001 - dlt wraps whatever a source raised
        raise cause_of(error) from None
    finally:
        shutil.rmtree(working, ignore_errors=True)
