"""Reading and changing Iceberg tables through PyIceberg: the part that all catalogs share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.catalogs import DataFile, StoredTable, TableChange
from lakehouse.catalogs.file_statistics import described
from lakehouse.errors import StorageError
from lakehouse.plan.state import PROPERTY, TableState
from lakehouse.storage import local, readable
from lakehouse.table_names import schema_of
from lakehouse.windows import Window

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile as IcebergFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.snapshots import Snapshot

_SNAPSHOTS_KEPT = 10
"""Snapshots that a table's metadata have at least; when there are twice as many, others go."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotOursError(StorageError):
    """The table was written by others, without our state."""


def read(name: str, metadata: str, file: Path, ref: str) -> StoredTable:
    """Read a table from its metadata file alone, without PyIceberg, which is slow to import.

    `file` is the path of the address `metadata`. Raises NotOursError if others have written the
    table, StorageError if it is lost or damaged.
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
    properties = document.get("properties", {})
    if "table-uuid" in document and PROPERTY not in properties:
        raise NotOursError(
            f"{name} was not written by this lakehouse: {metadata}", hint="give it another name"
        )
    current = document.get("current-snapshot-id")
    summaries = {
        snapshot["snapshot-id"]: snapshot["summary"] for snapshot in document.get("snapshots", ())
    }
    return StoredTable(
        name=name,
        metadata=metadata,
        state=TableState.from_property(properties[PROPERTY]),
        rows=int(summaries.get(current, {}).get("total-records", 0)),
        ref=ref,
        columns=_columns(document),
        size=int(summaries.get(current, {}).get("total-files-size", 0)),
    )


def _columns(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the columns of a table, from its metadata."""
    current = document["current-schema-id"]
    (schema,) = (schema for schema in document["schemas"] if schema["schema-id"] == current)
    return tuple(field["name"] for field in schema["fields"])


def files(table: Table, time_column: str | None = None) -> list[DataFile]:
    """List the data files, each with the span of the time column from its statistics."""
    from pyiceberg.manifest import ManifestContent

    from lakehouse.patches.pyiceberg_manifests import entries, manifests

    snapshot, schema = table.current_snapshot(), table.schema()
    listing = manifests(snapshot, table.io)
    data_files: Iterable[tuple[IcebergFile, bool]]
    if any(manifest.content == ManifestContent.DELETES for manifest in listing):
        tasks = table.scan().plan_files()
        data_files = ((task.file, bool(task.delete_files)) for task in tasks)
    else:  # there is no filter here, so manifests are read directly: `plan_files()` is slower
        by_manifest = entries(listing, table.io)
        data_files = ((entry.data_file, False) for group in by_manifest for entry in group)
    return [
        DataFile(
            local(file.file_path),
            file.record_count,
            file,
            _span(schema, file, time_column) if time_column else None,
            has_deletes,
        )
        for file, has_deletes in data_files
    ]


def listed(metadata: str) -> list[DataFile]:
    """List the data files of a table that a metadata file names, whether or not a ref names it."""
    from pyiceberg.table import StaticTable

    with readable(metadata):
        return files(StaticTable.from_metadata(metadata))


def write(catalog: Catalog, change: TableChange, location: str) -> StoredTable:
    """Apply a change in one Iceberg commit; create the table at `location` if it does not exist.

    `catalog` holds the tables of one ref, and has its name.
    """
    from pyiceberg.table import TableProperties

    from lakehouse.patches.pyiceberg_transactions import Frugal

    properties = {
        PROPERTY: change.state.to_property(),
        TableProperties.METADATA_PREVIOUS_VERSIONS_MAX: "1",  # refs name the files that are needed
    }
    table = _existing(catalog, change)
    if table is None:
        _create(catalog, change, location, properties)
    else:
        with Frugal(table) as transaction:
            _swap(transaction, change)
            transaction.set_properties(properties)
            _forget_snapshots(transaction, table.metadata.snapshots)
    return _stored(change.table, catalog.load_table(change.table), catalog.name)


def adopt(catalog: Catalog, name: str) -> StoredTable:
    """Let readers match the columns of a table that an engine wrote by name; return the table."""
    table = catalog.load_table(name)
    names = _names_of_columns(table.schema())
    if any(table.properties.get(key) != value for key, value in names.items()):
        with table.transaction() as transaction:
            transaction.set_properties(names)
    return _stored(name, table, catalog.name)


def _names_of_columns(schema: Schema) -> dict[str, str]:
    """The property that lets readers match columns by name: DuckDB's files have no field ids."""
    from pyiceberg.table import TableProperties

    return {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}


def _stored(name: str, table: Table, ref: str) -> StoredTable:
    """Describe a table that PyIceberg has loaded, as `read` does from its metadata file."""
    snapshot = table.current_snapshot()
    summary = snapshot.summary if snapshot else None
    return StoredTable(
        name=name,
        metadata=table.metadata_location,
        state=TableState.from_property(table.properties[PROPERTY]),
        rows=int(summary["total-records"] or 0) if summary else 0,
        ref=ref,
        columns=tuple(field.name for field in table.schema().fields),
        size=int(summary["total-files-size"] or 0) if summary else 0,
    )


def _existing(catalog: Catalog, change: TableChange) -> Table | None:
    """Load the table to change; None if there is none, or if other columns had it dropped."""
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
    return [(field.name, _plain(field.type)) for field in schema]


def _plain(kind: pa.DataType) -> str:
    """Return a type as text, without what libraries differ in: `large_` and names of items."""
    import pyarrow.types as of

    if of.is_list(kind) or of.is_large_list(kind):
        return f"list<{_plain(kind.value_type)}>"
    if of.is_map(kind):
        return f"map<{_plain(kind.key_type)}, {_plain(kind.item_type)}>"
    if of.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {_plain(field.type)}' for field in kind)}>"
    return str(kind).removeprefix("large_")


def _create(
    catalog: Catalog, change: TableChange, location: str, properties: Mapping[str, str]
) -> None:
    from lakehouse.patches.pyiceberg_transactions import FrugalCreation

    catalog.create_namespace_if_not_exists(schema_of(change.table))
    creation = catalog.create_table_transaction(
        change.table, schema=change.schema, location=location
    )
    with FrugalCreation(creation) as transaction:
        names = _names_of_columns(transaction.table_metadata.schema())
        transaction.set_properties({**properties, **names})
        _swap(transaction, replace(change, remove=()))


def _swap(transaction: Transaction, change: TableChange) -> None:
    from lakehouse.patches.pyiceberg_transactions import file_io, overwrite

    if not change.remove and not change.add:
        return
    io, metadata = file_io(transaction), transaction.table_metadata
    with overwrite(transaction, {"lakehouse.run": change.state.version}) as snapshot:
        for removed in change.remove:
            snapshot.delete_data_file(removed.entry)
        for added in described(io, metadata, change.add):
            snapshot.append_data_file(added)


def _forget_snapshots(transaction: Transaction, before: Sequence[Snapshot]) -> None:
    """Keep the metadata short: refs name metadata files, so older snapshots are not looked up.

    `before` are those before the one that the transaction adds.
    """
    from pyiceberg.table.update.snapshot import ExpireSnapshots

    older = [each.snapshot_id for each in before[: 1 - _SNAPSHOTS_KEPT]]
    if len(older) > _SNAPSHOTS_KEPT:
        with ExpireSnapshots(transaction) as expired:
            expired.by_ids(older)


def _span(schema: Schema, file: IcebergFile, column: str) -> Window | None:
    """Return the span from the least to the greatest value of a time column, if these are known."""
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import DateType, TimestampType, TimestamptzType

    field = next((field for field in schema.fields if field.name == column), None)
    if field is None or not isinstance(
        field.field_type, DateType | TimestampType | TimestamptzType
    ):
        return None
    least, greatest = (
        (bounds or {}).get(field.field_id) for bounds in (file.lower_bounds, file.upper_bounds)
    )
    if least is None or greatest is None:
        return None
    unit = timedelta(days=1) if isinstance(field.field_type, DateType) else timedelta.resolution
    first, last = (int(from_bytes(field.field_type, raw)) for raw in (least, greatest))
    try:
        return Window(_EPOCH + first * unit, _EPOCH + (last + 1) * unit)
    except OverflowError:  # outside of Python's years 1 to 9999
        return None
