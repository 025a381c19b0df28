"""DuckDB's extensions, as they come in wheels."""

import duckdb
import pytest

from lakehouse.engines.duckdb_connection import EXTENSIONS, load_extension

OURS = [*EXTENSIONS, "postgres_scanner", "httpfs"]


@pytest.mark.long
def test_extensions_are_signed_by_duckdb():
    config = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    with duckdb.connect(config=config) as connection:  # unlike that of a run, it verifies them
        for name in OURS:
            load_extension(connection, name)
        loaded = connection.execute(
            "SELECT extension_name FROM duckdb_extensions() WHERE loaded"
        ).fetchall()
    assert set(OURS) <= {name for (name,) in loaded}
