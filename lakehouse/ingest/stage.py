"""Staging: what a source yields, as Parquet files, exactly as it was yielded."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse import storage
from lakehouse.errors import LakehouseError
from lakehouse.raw import POSITION

if TYPE_CHECKING:
    import pyarrow as pa

_TAKEN_FOR_PATTERNS = frozenset("%*?")
"""Characters of a path that dlt formats or expands."""


@dataclass
class Pages:
    """The tables that a source yields, counted and timed as they pass."""

    source: Iterable[pa.Table]
    first: int = 0
    """The position of the first row."""
    rows: int = 0
    seconds: float = field(default=0.0)

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
    """Writes named pages as Parquet under a folder; the files of each name."""

    def __call__(
        self, pages: Mapping[str, Iterable[pa.Table]], *, group: str, folder: Path
    ) -> dict[str, list[str]]:
        """An error of a source comes through as it was raised."""
        ...


def stage(
    pages: Mapping[str, Iterable[pa.Table]], *, group: str, folder: Path
) -> dict[str, list[str]]:
    """Load what several ingestions yield with dlt as Parquet: `folder`/`group`/<name>.

    What is there already, of a run that was killed, is taken away first.
    """
    tables = ((name, page) for name, each in pages.items() for page in each)
    return load(tables, list(pages), group=group, folder=folder)


def load(
    tables: Iterable[tuple[str, pa.Table]], names: Sequence[str], *, group: str, folder: Path
) -> dict[str, list[str]]:
    """The same for tables in the order that they come, each with its name."""
    # dlt reports usage unless told not to, and would guess at types if it were given dicts.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # what goes wrong is raised as well
    # Nothing that it is given comes later, for which it would wait when a source has ended.
    os.environ.setdefault("EXTRACT__FUTURES_POLL_INTERVAL", "0")
    storage.remove_folder(folder / group)
    storage.make_folder(folder)
    with _plain(folder, group) as place:
        _load(tables, group, place)
    return {name: sorted(map(str, (folder / group / name).glob("*.parquet"))) for name in names}


@contextmanager
def _plain(folder: Path, group: str) -> Iterator[Path]:
    """A folder whose path dlt takes for a path alone; what it stages there ends up in `folder`."""
    if not storage.is_on_disk(folder) or _is_plain(folder):
        yield folder
        return
    usual = None if _is_plain(tempfile.gettempdir()) else "/tmp"  # noqa: S108 - a folder of its own
    with tempfile.TemporaryDirectory(prefix="lakehouse-", dir=usual) as place:
        yield Path(place)
        if (staged := Path(place) / group).exists():
            shutil.move(staged, folder)


def _is_plain(path: object) -> bool:
    return not _TAKEN_FOR_PATTERNS & {*str(path)}


def _load(tables: Iterable[tuple[str, pa.Table]], group: str, folder: Path) -> None:
    import dlt
    from dlt.destinations import filesystem
    from dlt.extract import DltResource, DltSource

    working = tempfile.mkdtemp(prefix=".dlt-", dir=folder if storage.is_on_disk(folder) else None)
    pipeline = dlt.pipeline(
        pipeline_name=group,
        pipelines_dir=working,
        destination=filesystem(
            bucket_url=folder.as_uri(),
            credentials=_credentials(storage.options(folder)),
            enable_dataset_name_normalization=False,
        ),
        dataset_name=group,
    )
    pipeline.config.restore_from_destination = False  # no state is kept that would have to be read
    # The decorators of dlt would look through every imported module for where they stand.
    named = (dlt.mark.with_table_name(table, name) for name, table in tables)
    source = DltSource(dlt.Schema(group), group, [DltResource.from_data(named, group)])
    try:
        # The three steps of `run`, which would look into the destination first.
        pipeline.extract(
            source,
            loader_file_format="parquet",
            write_disposition="append",
        )
        pipeline.normalize()
        pipeline.load(raise_on_failed_jobs=True)
    except Exception as error:  # noqa: BLE001 - dlt wraps whatever a source raised
        raise _cause(error) from None
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _credentials(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What it takes to reach a bucket, in the words of dlt."""
    if not options:
        return None
    return {
        "aws_access_key_id": options["key"],
        "aws_secret_access_key": options["secret"],
        "endpoint_url": options["endpoint_url"],
        "region_name": options["client_kwargs"]["region_name"],
    }


def _cause(error: BaseException) -> BaseException:
    """The error that a source raised, from under dlt's own."""
    from dlt.extract.exceptions import ResourceExtractionError

    seen: BaseException | None = error
    while seen is not None:
        below = seen.__cause__ or seen.__context__
        if isinstance(seen, LakehouseError | KeyboardInterrupt):
            return seen
        if isinstance(seen, ResourceExtractionError) and below is not None:
            return below
        seen = below
    return error
