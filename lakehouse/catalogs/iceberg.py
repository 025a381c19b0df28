"""Iceberg tables through PyIceberg: the part that every catalog shares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from lakehouse.catalogs import DataFile, StoredTable, TableChange
from lakehouse.errors import LakehouseError, StorageError
from lakehouse.state import PROPERTY, TableState
from lakehouse.windows import Window

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile as IcebergFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.metadata import TableMetadata

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(name: str, metadata: str, file: Path, ref: str) -> StoredTable:
    """A table from its metadata file alone; PyIceberg, slow to import, is not needed for it.

    `file` is the file that the address `metadata` means.
    """
    try:
        return _described_by(json.loads(file.read_bytes()), name, metadata, ref)
    except FileNotFoundError:
        raise StorageError(
            f"the metadata of {name} is not at {file}",
            hint="if the home was moved, move it back: Iceberg names absolute places;"
            " if not, `doctor` names the cure",
        ) from None
    except (ValueError, LookupError, TypeError, AttributeError, IsADirectoryError):
        raise StorageError(
            f"the metadata of {name} is damaged: {file}", hint="`doctor` names the cure"
        ) from None


def _described_by(document: Mapping[str, Any], name: str, metadata: str, ref: str) -> StoredTable:
    current = document.get("current-snapshot-id")
    summaries = {
        snapshot["snapshot-id"]: snapshot["summary"] for snapshot in document.get("snapshots", ())
    }
    return StoredTable(
        name=name,
        metadata=metadata,
        state=TableState.from_property(document["properties"][PROPERTY]),
        rows=int(summaries.get(current, {}).get("total-records", 0)),
        ref=ref,
    )


@contextmanager
def readable(address: str) -> Iterator[None]:
    """Say which file it is that cannot be read: of a damaged one, readers may raise anything."""
    try:
        yield
    except LakehouseError:
        raise
    except Exception as error:
        raise StorageError(
            f"{local(address)} cannot be read: {type(error).__name__}",
            hint="if it is lost or damaged, `doctor --deep` names the cure",
        ) from error


def files(table: Table, time_column: str | None = None) -> list[DataFile]:
    """The data files, each with the span of the time column that its statistics tell."""
    from pyiceberg.manifest import ManifestContent

    from lakehouse.catalogs.transactions import entries, manifests

    snapshot, schema = table.current_snapshot(), table.schema()
    listing = manifests(snapshot, table.io)
    found: Iterable[tuple[IcebergFile, bool]]
    if any(each.content == ManifestContent.DELETES for each in listing):
        tasks = table.scan().plan_files()
        found = ((task.file, bool(task.delete_files)) for task in tasks)
    else:  # what a plan does besides, comparing each file with a condition, there is none for
        listed = entries(listing, table.io)
        found = ((entry.data_file, False) for some in listed for entry in some)
    return [
        DataFile(
            local(file.file_path),
            file.record_count,
            file,
            _span(schema, file, time_column) if time_column else None,
            has_deletes,
        )
        for file, has_deletes in found
    ]


def listed(metadata: str) -> list[DataFile]:
    """The data files of a table as a metadata file has it, whatever refs there are."""
    from pyiceberg.table import StaticTable

    with readable(metadata):
        return files(StaticTable.from_metadata(metadata))


def write(catalog: Catalog, change: TableChange, location: str) -> StoredTable:
    """Apply a change in one Iceberg commit, creating the table at `location` if need be.

    `catalog` is of one ref, and named after it.
    """
    from pyiceberg.table import TableProperties

    from lakehouse.catalogs.transactions import Frugal, forget_snapshots

    properties = {
        PROPERTY: change.state.to_property(),
        TableProperties.METADATA_PREVIOUS_VERSIONS_MAX: "1",  # refs name those that are needed
    }
    table = _existing(catalog, change)
    if table is None:
        _create(catalog, change, location, properties)
    else:
        with Frugal(table) as transaction:
            _swap(transaction, change)
            transaction.set_properties(properties)
            forget_snapshots(transaction)
    return _stored(change.table, catalog.load_table(change.table), catalog.name)


def adopt(catalog: Catalog, name: str) -> StoredTable:
    """A table whose rows and state an engine wrote; from now on its columns go by name, too."""
    table = catalog.load_table(name)
    names = _names_of_columns(table.schema())
    if any(table.properties.get(key) != value for key, value in names.items()):
        with table.transaction() as transaction:
            transaction.set_properties(names)
    return _stored(name, table, catalog.name)


def _names_of_columns(schema: Schema) -> dict[str, str]:
    """The property by which readers match columns: DuckDB writes files without field ids."""
    from pyiceberg.table import TableProperties

    return {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}


def _stored(name: str, table: Table, ref: str) -> StoredTable:
    """The same as `read` of a table that PyIceberg has loaded."""
    snapshot = table.current_snapshot()
    summary = snapshot.summary if snapshot else None
    return StoredTable(
        name=name,
        metadata=table.metadata_location,
        state=TableState.from_property(table.properties[PROPERTY]),
        rows=int(summary["total-records"] or 0) if summary else 0,
        ref=ref,
    )


def _existing(catalog: Catalog, change: TableChange) -> Table | None:
    """The table to change; one with other columns is dropped first, to be made anew."""
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    try:
        table = catalog.load_table(change.table)
    except NoSuchTableError:
        return None
    if _types(schema_to_pyarrow(table.schema())) == _types(change.schema):
        return table
    if {f.path for f in files(table)} != {f.path for f in change.remove}:
        raise StorageError(
            f"the columns of {change.table} changed, and rows would be lost with them",
            hint="rebuild the whole table: run with --full-refresh",
        )
    catalog.drop_table(change.table)
    return None


def _types(schema: pa.Schema) -> list[tuple[str, str]]:
    # PyIceberg reads every text as a large one.
    return [(field.name, str(field.type).removeprefix("large_")) for field in schema]


def _create(
    catalog: Catalog, change: TableChange, location: str, properties: Mapping[str, str]
) -> None:
    catalog.create_namespace_if_not_exists(change.table.partition(".")[0])
    creation = catalog.create_table_transaction(
        change.table, schema=change.schema, location=location
    )
    with creation as transaction:
        names = _names_of_columns(transaction.table_metadata.schema())
        transaction.set_properties({**properties, **names})
        _swap(transaction, replace(change, remove=()))


def _swap(transaction: Transaction, change: TableChange) -> None:
    from pyiceberg.table.snapshots import Operation

    from lakehouse.catalogs.transactions import Overwrite

    if not change.remove and not change.add:
        return
    io = transaction._table.io  # noqa: SLF001 - a transaction offers no public way to its files
    summary = {"lakehouse.run": change.state.version}
    metadata = transaction.table_metadata
    with Overwrite(Operation.OVERWRITE, transaction, io, snapshot_properties=summary) as snapshot:
        for gone in change.remove:
            snapshot.delete_data_file(gone.entry)
        for added in _described(io, metadata, change.add):
            snapshot.append_data_file(added)


def _described(io: FileIO, metadata: TableMetadata, paths: Sequence[str]) -> Iterator[IcebergFile]:
    """Files as Iceberg lists them, with the statistics that are in their footers.

    PyIceberg's own way compares the columns of each file with the table's first, which takes
    longer than all of this; an engine writes the columns that the table has.
    """
    from pyarrow.parquet import read_metadata
    from pyiceberg.io import pyarrow as parquet
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat

    schema = metadata.schema()
    plan = parquet.compute_statistics_plan(schema, metadata.properties)
    columns = parquet.parquet_path_to_id_mapping(schema)
    for path in paths:
        input_file = io.new_input(path)
        with input_file.open() as stream:
            footer = read_metadata(stream)
        statistics = parquet.data_file_statistics_from_parquet_metadata(footer, plan, columns)
        yield DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=path,
            file_format=FileFormat.PARQUET,
            partition=statistics.partition(metadata.spec(), schema),
            file_size_in_bytes=len(input_file),
            sort_order_id=None,
            spec_id=metadata.default_spec_id,
            equality_ids=None,
            key_metadata=None,
            **statistics.to_serialized_dict(),
        )


def _span(schema: Schema, file: IcebergFile, column: str) -> Window | None:
    """From the least to the greatest value of a column, if its statistics say."""
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import DateType, TimestampType, TimestamptzType

    kind = next((each for each in schema.fields if each.name == column), None)
    if kind is None or not isinstance(kind.field_type, DateType | TimestampType | TimestamptzType):
        return None
    least, greatest = (
        (each or {}).get(kind.field_id) for each in (file.lower_bounds, file.upper_bounds)
    )
    if least is None or greatest is None:
        return None
    one = timedelta(days=1) if isinstance(kind.field_type, DateType) else timedelta.resolution
    first, last = (int(from_bytes(kind.field_type, each)) for each in (least, greatest))
    try:
        return Window(_EPOCH + first * one, _EPOCH + (last + 1) * one)
    except OverflowError:  # beyond what Python knows of time
        return None


def local(address: str) -> str:
    """The path that a file: address means; another address as it is."""
    return unquote(urlparse(address).path) if address.startswith("file:") else address
