"""Reading rows of Postgres: columns of the same name are all kept, and so is every instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.engines.python_rows import distinct

if TYPE_CHECKING:
    import psycopg
    from psycopg import abc

_INSTANTS = ("date", "timestamp", "timestamptz")


def named_row(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Row factory for psycopg: make a dict that has every column, also of repeated names."""
    names = distinct(column.name for column in cursor.description or ())
    return lambda values: dict(zip(names, values, strict=True))


def keep_every_instant(connection: psycopg.Connection[Any]) -> None:
    """Read instants that Python cannot hold, such as infinity, as the text that Postgres sends."""
    import psycopg
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    def lenient(strict: type[abc.Loader]) -> type[Loader]:
        class Lenient(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._strict = strict(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self._strict.load(data)
                except psycopg.DataError:
                    return bytes(data).decode()

        return Lenient

    for name in _INSTANTS:
        oid = connection.adapters.types[name].oid
        strict = connection.adapters.get_loader(oid, Format.TEXT)
        assert strict is not None
        connection.adapters.register_loader(oid, lenient(strict))
