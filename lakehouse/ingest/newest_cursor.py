"""The newest value of a cursor in what a run fetched, and rows whose cursor goes backwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.compile.quarantine_reasons import REASONS
from lakehouse.declare.project_code import place_of
from lakehouse.declare.raw_columns import declared
from lakehouse.engines.sql import identifier
from lakehouse.errors import SourceError
from lakehouse.ingest.temporary_tables import EXISTING, IS_OLDER
from lakehouse.plan import cursor
from lakehouse.plan.state import TableState

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - an instant has a zone only if its column has


@dataclass
class NewestCursor:
    """The cursor of one ingestion after one run; it grows with each batch that is noted."""

    engine: DuckDB
    spec: IngestionSpec
    before: TableState | None
    """The state before the run."""
    asked_at: datetime
    """The moment at which the source was asked."""
    is_whole: bool
    """Whether the source could read all keys; else the cursor stays, as rows below it may lack."""
    starts_anew: bool
    """Whether the source was asked for all that it has, whatever the cursor was."""
    is_ahead: bool = False
    """Whether a row has an instant later than that moment, by a clock that is wrong."""
    _value: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not (self.starts_anew and self.is_whole):
            self._value = cursor.newest(self.spec, self.before)

    def note(self, batch: str) -> None:
        """Note the valid rows of a batch, a temporary table of validated rows."""
        if not self.is_whole:
            return
        newest = f"max({identifier(self.spec.cursor or '')})"
        if self._kind.is_timestamp():
            newest = f"epoch_us({newest})"
        (value,) = self.engine.execute(
            f"SELECT {newest} FROM {identifier(batch)} WHERE {REASONS} = ''"
        ).fetchone() or (None,)
        if value is not None:
            value = self._until_asked(value)
            self._value = value if self._value is None else max(self._value, value)

    def require_forward(self) -> None:
        """Raise SourceError for a stored row that came in an older version than it is stored in."""
        name = identifier(self.spec.cursor or "")
        key = ", ".join(map(identifier, self.spec.unique_key))
        row = self.engine.execute(
            f"SELECT {key}, {name}::VARCHAR, {IS_OLDER} FROM {EXISTING}"
            f" WHERE {IS_OLDER} IS NOT NULL ORDER BY ALL LIMIT 1"
        ).fetchone()
        if row is None or self.starts_anew:
            return
        *values, stored, returned = row
        of = ", ".join(
            f"{column} {value}" for column, value in zip(self.spec.unique_key, values, strict=True)
        )
        raise SourceError(
            f"the cursor {self.spec.cursor!r} of {self.spec.table} goes backwards: the row with"
            f" {of} is stored with {stored}, and the source gives it with {returned}",
            hint="take a column that grows with each change of a row; if the source was restored"
            " to an earlier state, read all of it with `run --full-refresh`",
            place=place_of(self.spec.function),
        )

    def after(self, state: TableState) -> TableState:
        """Return a state with the cursor as it is now."""
        value = None if self._value is None else cursor.kept(self._value)
        return replace(state, cursor=value)

    def has_moved(self, before: TableState, after: TableState) -> bool:
        """Return whether the cursor alone is worth a commit: not if it follows a wrong clock."""
        return before.cursor != after.cursor and not (self.is_ahead and before.cursor is not None)

    def _until_asked(self, value: Any) -> Any:
        """Return a value, or the moment of asking if that is earlier: later rows are still due."""
        if self._kind.is_timestamp():
            zone = UTC if self._kind.timezone else None
            value = _EPOCH.replace(tzinfo=zone) + value * timedelta.resolution
            limit: date = self.asked_at.astimezone(UTC).replace(tzinfo=zone)
        elif self._kind.is_date():
            limit = self.asked_at.astimezone(UTC).date()
        else:
            return value
        self.is_ahead = self.is_ahead or value > limit
        return min(value, limit)

    @property
    def _kind(self) -> Any:
        return declared(self.spec)[self.spec.cursor or ""]
