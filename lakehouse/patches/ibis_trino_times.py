"""Ibis writes Trino's type of a time of day without digits, which means three; Iceberg keeps six.

`CAST(x AS TIME)` rounds to milliseconds on Trino, as it does for every column of a table that is
built there. Ibis' types of Trino have no digits for a time, so here they are always six.

Gain: none in time. Without it times of day would lose digits. Seen with Ibis 12.0.0.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_DIGITS = 6


@cache
def six_digits() -> None:
    """Let Ibis write times of day for Trino with microseconds; calling it again does nothing."""
    from ibis.backends.sql.datatypes import TrinoType

    TrinoType._from_ibis_Time = staticmethod(_time)  # noqa: SLF001


def _time(_: Any) -> Any:
    import sqlglot.expressions as sge

    digits = sge.DataTypeParam(this=sge.Literal.number(_DIGITS))
    return sge.DataType(this=sge.DataType.Type.TIME, expressions=[digits])
