"""The rows of all tables that the models make of readings."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from traces import MODELS, homes, uploaded

from lakehouse.declare.specs import parameters


class BuiltTables:
    """The rows of every table over rows of `fct_glucose_readings`, each built once.

    All `entries` that were uploaded are the readings, if none are given.
    """

    def __init__(
        self,
        run_model: Any,
        readings: list[dict[str, Any]],
        sites: list[dict[str, Any]] | None = None,
        entries: list[dict[str, Any]] | None = None,
    ) -> None:
        self._run_model = run_model
        self._rows: dict[str, list[dict[str, Any]]] = {
            "stg_glucose_entries": uploaded(readings) if entries is None else entries,
            "fct_glucose_readings": readings,
            "sites": homes(readings) if sites is None else sites,
        }
        self._tables: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> list[dict[str, Any]]:
        if name not in self._rows:
            model = MODELS[name]
            inputs = {parent: self._table(parent) for parent in parameters(model)}
            self._rows[name] = self._run_model(model, **inputs)
        return self._rows[name]

    def _table(self, name: str) -> pa.Table:
        """The rows of a table as Arrow, which is filled in faster."""
        if name not in self._tables:
            rows = self[name]
            self._tables[name] = pa.Table.from_pylist(rows) if rows else pa.table({})
        return self._tables[name]
