"""The answers of an engine to constructs: many in one statement, each alone if that fails."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import ibis.expr.types as ir

from differences.constructs import Construct, Use
from differences.odd_rows import GROUP, KEY, NAME, table
from lakehouse.compile.compiler import stored
from lakehouse.engines.sql import columns, identifier, typed
from lakehouse.errors import QueryError
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.testing.sandbox import Sandbox

TOGETHER = 40
"""Constructs in one statement, at most."""
_COLUMN = "made"
_MADE = re.compile(rf'AS "{_COLUMN}(\d+)"')
_PLACE = re.compile(r"Trino: line 1:(\d+): ")
"""How Trino begins what it says of a statement that it refuses."""
_IS_OF_DATA = re.compile(
    r"Trino: |Conversion Error: (?!Unimplemented)|Out of Range|Invalid Input|Constraint"
)
"""How engines begin what they say of a row, if it is no statement that they refuse."""


class Failure(StrEnum):
    """Where a construct failed."""

    NOT_DEFINED = "cannot be written for the engine"
    DATA = "failed at some row"
    STATEMENT = "refused by the engine"


@dataclass(frozen=True)
class Failed:
    """A construct that an engine has no answer to."""

    failure: Failure
    message: str


Answer: TypeAlias = Mapping[Any, Any] | Failed
"""The values by the key of their row, or of their group."""


class Asked:
    """An engine that holds the odd rows."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._last = ""

    def answers(self, constructs: Sequence[Construct]) -> dict[str, Answer]:
        """Return the answer to each construct, by its name."""
        found: dict[str, Answer] = {}
        for use in Use:
            some = [construct for construct in constructs if construct.use is use]
            size = 1 if use is Use.ROWS else TOGETHER
            for start in range(0, len(some), size):
                found |= self._together(some[start : start + size])
        return found

    def _together(self, some: Sequence[Construct]) -> dict[str, Answer]:
        """Answer constructs of one use in one statement; without those that fail."""
        if not some:
            return {}
        try:
            rows = self._rows(some)
        except QueryError as error:
            return self._without(some, error.message)
        except Exception as error:  # noqa: BLE001 - compilers raise errors of many libraries
            if len(some) == 1:
                return {some[0].name: Failed(Failure.NOT_DEFINED, str(error))}
            return self._halves(some)
        return {
            construct.name: _by_key(construct, rows, f"{_COLUMN}{number}")
            for number, construct in enumerate(some)
        }

    def _without(self, some: Sequence[Construct], message: str) -> dict[str, Answer]:
        """Answer constructs whose statement failed: first the one to blame, then the others."""
        if len(some) == 1:
            is_of_data = _IS_OF_DATA.match(message) and not _PLACE.match(message)
            failure = Failure.DATA if is_of_data else Failure.STATEMENT
            return {some[0].name: Failed(failure, message)}
        refused = self._refused(some, message)
        if refused is None:
            return self._halves(some)
        alone = self._together([refused])
        others = [construct for construct in some if construct is not refused]
        # Trino's places are wrong where it refuses a statement late.
        is_to_blame = isinstance(alone[refused.name], Failed)
        return alone | (self._together(others) if is_to_blame else self._halves(others))

    def _refused(self, some: Sequence[Construct], message: str) -> Construct | None:
        """Return the construct at the place in the statement that an error of Trino names."""
        place = _PLACE.match(message)
        column = place and _MADE.search(self._last, int(place[1]) - 1)
        return some[int(column[1])] if column else None

    def _halves(self, some: Sequence[Construct]) -> dict[str, Answer]:
        middle = len(some) // 2
        return self._together(some[:middle]) | self._together(some[middle:])

    def _rows(self, some: Sequence[Construct]) -> list[dict[str, Any]]:
        expression = query(some)
        schema = expression.schema()
        sql = to_sql(expression, self._sandbox.dialect)
        rows = typed(sql, stored(schema), self._sandbox.dialect)
        source = f"SELECT * FROM {self._sandbox.relation(NAME)}"
        with_source = f"WITH {identifier(NAME)} AS ({source})"
        self._last = f"{with_source} SELECT {columns(schema)} FROM ({rows}) AS x"
        return self._sandbox.rows(self._last)


def query(some: Sequence[Construct]) -> ir.Table:
    """Return constructs of one use as columns of a table."""
    odd = table()
    made = {f"{_COLUMN}{number}": c.value.to_expr() for number, c in enumerate(some)}
    if some[0].use is Use.GROUP:
        return odd.group_by(GROUP).agg(**made)
    return odd.select(KEY, **made)


def _by_key(construct: Construct, rows: list[dict[str, Any]], column: str) -> dict[Any, Any]:
    key = GROUP if construct.use is Use.GROUP else KEY
    if construct.use is not Use.ROWS:
        return {row[key]: row[column] for row in rows}
    several: dict[Any, list[Any]] = {}
    for row in rows:
        several.setdefault(row[key], []).append(row[column])
    return {key: sorted(values, key=repr) for key, values in several.items()}
