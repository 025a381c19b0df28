"""State of a table: the code and the versions of parents that it was built from, and its changes.

The state is one property of the Iceberg table, written in the same commit as the rows, so it
branches, merges and rolls back with them; there is no other state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta

from lakehouse import keys, windows
from lakehouse.keys import Keys
from lakehouse.plan import key_windows
from lakehouse.plan.key_windows import Key, KeyWindows
from lakehouse.windows import ALL_TIME, Window, Windows

PROPERTY = "lakehouse.state"
"""Name of the table property that holds the state."""
_MINUTE = timedelta(minutes=1)
_MOST_AGAIN = timedelta(days=62)
"""Time of unread windows that an ordinary run fetches again, at most: more of it is a backfill."""
_STARTS_ANEW = timedelta(days=3650)
"""A clock so far behind what was fetched is one that starts in 1970, and is not believed."""
_REMEMBERED = 100
"""Changes that a table remembers, at most; a child that is further behind is fully rebuilt."""


@dataclass(frozen=True)
class Change:
    """Change of a table by one run: the new version, and the rows that it touched."""

    version: str
    """The id of the run."""
    windows: Windows
    keys: Keys | None = None
    """Keys whose rows changed, within the windows; None means any."""


@dataclass(frozen=True)
class Changed:
    """Bounds of a change: all changed rows lie in these windows and have one of these keys.

    Empty windows mean that nothing changed; keys of None mean that rows of any key may have
    changed.
    """

    windows: Windows = ()
    keys: Keys | None = None

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __str__(self) -> str:
        of = "" if self.keys is None else f" of {self.keys}"
        return " ".join(map(str, self.windows)) + of


EVERYTHING = Changed((ALL_TIME,))


def joined(changes: Iterable[Changed]) -> Changed:
    """Return bounds that contain all of `changes`; they may contain more rows than these."""
    bounds = [changed for changed in changes if changed]
    return Changed(
        windows.union(window for changed in bounds for window in changed.windows),
        keys.union(changed.keys for changed in bounds),
    )


@dataclass(frozen=True)
class SeenFile:
    """A file of a source as it was when it was read."""

    size: int
    modified: int
    """Nanoseconds since 1970; 0 if it was read so soon that this does not tell it from a later."""
    digest: str


@dataclass(frozen=True)
class TableState:
    """State of a stored table."""

    fingerprint: str
    """Fingerprint of the expression (of a model) or of the columns (of an ingestion)."""
    changes: tuple[Change, ...]
    """Remembered changes, the newest last; at least one."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """The version of each stored parent that the rows were built from."""
    covered: Windows = ()
    """Windows that an ingestion has fetched so far."""
    fields: tuple[str, ...] = ()
    """Fields that rows of an ingestion's source have had so far; empty means not known."""
    archived_before: datetime | None = None
    """Moment before which rows are in the archive, and are not fetched again."""
    departed_keys: Keys | None = None
    """Keys that the source listed once, and lists no longer.

    None if there are none, or more than `keys.MOST`: those have to be as fresh as all others.
    """
    unread: tuple[KeyWindows, ...] = ()
    """Covered windows in which the source could not read the rows of a key."""
    doubted: tuple[KeyWindows, ...] = ()
    """Days of which rows are stored and the source returned none, when it was read last."""
    cursor: int | str | None = None
    """The newest value of an ingestion's cursor that is stored; see `plan/cursor.py`."""
    files: Mapping[str, SeenFile] = field(default_factory=dict)
    """The files that an ingestion has read, by name."""
    files_share: bool = False
    """Whether a key may be in several of these files."""
    declared: Mapping[str, str] = field(default_factory=dict)
    """How the table was declared to be kept, by argument; empty if an older version wrote it."""

    @property
    def version(self) -> str:
        """The id of the last run that changed rows: it changes exactly when rows change."""
        return self.changes[-1].version

    @property
    def settled(self) -> Windows:
        """Windows that need no fetch: they were fetched for every key, or are archived."""
        unread = [window for entry in self.unread for window in entry.windows]
        return windows.union([*windows.subtract(self.covered, unread), *self.archived_windows])

    @property
    def unread_now(self) -> tuple[KeyWindows, ...]:
        """Unread windows of the keys that the source could not read when it was asked last."""
        newest = self.covered[-1].end if self.covered else windows.BEGINNING
        return tuple(entry for entry in self.unread if entry.windows[-1].end >= newest)

    @property
    def to_read_again(self) -> Windows:
        """Unread windows of the keys that the source has read since, if they are not too long.

        While a key cannot be read, nobody else's rows are fetched again for its sake.
        """
        read_since = (entry for entry in self.unread if entry not in self.unread_now)
        again = windows.union(window for entry in read_since for window in entry.windows)
        length = sum((window.end - window.start for window in again), timedelta())
        return again if length <= _MOST_AGAIN else ()

    def covered_by(self, now: datetime) -> Windows:
        """Return the covered windows without what lies ahead: the clock was, when it was noted."""
        newest = self.covered[-1].end if self.covered else now
        return self.covered if newest - now > _STARTS_ANEW else windows.before(self.covered, now)

    @property
    def archived_windows(self) -> Windows:
        """The time whose rows are archived; empty if none is."""
        return (
            ()
            if self.archived_before is None
            else (Window(windows.BEGINNING, self.archived_before),)
        )

    def archived(self, before: datetime) -> TableState:
        """Return the state after all rows before a moment were archived."""
        rest, gone = replace(self, archived_before=before), (Window(windows.BEGINNING, before),)
        return replace(
            rest,
            unread=key_windows.without(self.unread, gone),
            doubted=key_windows.without(self.doubted, gone),
        )

    def without_key(self, values: Mapping[str, str]) -> TableState:
        """Return the state without a key, whose values by column are given as text.

        Changes of rows of this key become changes of rows of any key.
        """
        changes = (
            Change(change.version, change.windows, _unless_named(change.keys, values))
            for change in self.changes
        )
        return replace(
            self,
            changes=tuple(changes),
            departed_keys=keys.without(self.departed_keys, values),
            unread=tuple(entry for entry in self.unread if not entry.is_of(values)),
            doubted=tuple(entry for entry in self.doubted if not entry.is_of(values)),
        )

    def is_worth_a_commit(
        self, covered: Windows, unread: Iterable[KeyWindows], now: datetime
    ) -> bool:
        """Return whether newly covered and unread windows are worth a commit without a changed row.

        A window of today from the end of the last fetch to now is not worth one: otherwise a fetch
        every hour would make a commit every hour. To forget windows that lie ahead is worth one.
        """
        if self.covered_by(now + _MINUTE) != self.covered:
            return True
        if self._known_parts(unread) != self._known_parts(self.unread):
            return True
        ends = {window.end for window in self.covered if window.end > windows.floor(now, "day")}
        return any(
            window.start not in ends or now - window.end > _MINUTE
            for window in windows.subtract(covered, self.covered)
        )

    def _known_parts(self, unread: Iterable[KeyWindows]) -> dict[Key, Windows]:
        """Return the parts of unread windows that were covered before, by key."""
        parts = {entry.key: windows.intersect(entry.windows, self.covered) for entry in unread}
        return {key: part for key, part in parts.items() if part}

    def changed_since(self, version: str | None) -> Changed:
        """Return what changed after `version`; everything, if that version is not remembered."""
        known = [change.version for change in self.changes]
        if version not in known:
            return EVERYTHING
        later = self.changes[known.index(version) + 1 :]
        return joined(Changed(change.windows, change.keys) for change in later)

    def with_change(self, change: Change) -> TableState:
        """Return the state with one more change; several changes of one run become one."""
        earlier = self.changes
        if earlier and earlier[-1].version == change.version:
            both = joined(Changed(part.windows, part.keys) for part in (earlier[-1], change))
            earlier, change = earlier[:-1], Change(change.version, both.windows, both.keys)
        return replace(self, changes=(*earlier, change)[-_REMEMBERED:])

    def to_property(self) -> str:
        """Return the state as JSON, the text of the table property."""
        return json.dumps(
            {
                "fingerprint": self.fingerprint,
                "parents": dict(sorted(self.parents.items())),
                "covered": windows.to_json(self.covered),
                "fields": list(self.fields),
                "changes": [
                    [c.version, windows.to_json(c.windows), keys.to_json(c.keys)]
                    for c in self.changes
                ],
                **({"declared": dict(self.declared)} if self.declared else {}),
                **({"archived": self.archived_before.isoformat()} if self.archived_before else {}),
                **({"left": keys.to_json(self.departed_keys)} if self.departed_keys else {}),
                **({"doubted": key_windows.to_json(self.doubted)} if self.doubted else {}),
                **({} if self.cursor is None else {"cursor": self.cursor}),
                **({"files": {n: astuple(f) for n, f in self.files.items()}} if self.files else {}),
                **({"files_share": True} if self.files_share else {}),
                **({"unread": key_windows.to_json(self.unread)} if self.unread else {}),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_property(cls, text: str) -> TableState:
        """Return the state that `to_property` wrote."""
        document = json.loads(text)
        return cls(
            fingerprint=document["fingerprint"],
            parents=document["parents"],
            declared=document.get("declared", {}),
            cursor=document.get("cursor"),
            files={name: SeenFile(*seen) for name, seen in document.get("files", {}).items()},
            files_share=document.get("files_share", False),
            covered=windows.from_json(document["covered"]),
            fields=tuple(document.get("fields", ())),
            archived_before=datetime.fromisoformat(at)
            if (at := document.get("archived"))
            else None,
            departed_keys=keys.from_json(document.get("left")),
            unread=key_windows.from_json(document.get("unread", ())),
            doubted=key_windows.from_json(document.get("doubted", ())),
            changes=tuple(
                Change(version, windows.from_json(pairs), *map(keys.from_json, known))
                for version, pairs, *known in document["changes"]
            ),
        )


def _unless_named(changed: Keys | None, values: Mapping[str, str]) -> Keys | None:
    """Return the keys of a change; None, which means any, if a key is among them."""
    return changed if keys.without(changed, values) == changed else None
