"""Descriptions of Parquet files for Iceberg, with the statistics from their footers.

PyIceberg's own `parquet_files_to_data_files` first compares the columns of each file with those of
the table, for which it loads Rich. That takes longer than all of this, and engines write exactly
the table's columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile
    from pyiceberg.table.metadata import TableMetadata


def described(io: FileIO, metadata: TableMetadata, paths: Sequence[str]) -> Iterator[DataFile]:
    """Yield a description of each Parquet file of a table."""
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
