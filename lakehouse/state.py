"""What a table knows of itself: the code and the parents it was built from, and what changed.

The state is one property of the Iceberg table, written in the same commit as the rows. It
branches, merges and rolls back with them; there is no other state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lakehouse import keys, windows
from lakehouse.keys import Keys
from lakehouse.windows import ALL_TIME, Window, Windows

PROPERTY = "lakehouse.state"
_MINUTE = timedelta(minutes=1)
_REMEMBERED = 100
"""How many changes a table remembers; a child that is further behind is rebuilt as a whole."""


@dataclass(frozen=True)
class Change:
    """One run's change of a table: the new version, and which rows it touched."""

    version: str
    windows: Windows
    keys: Keys | None = None
    """Only rows of these keys, within the windows; None: of any."""


@dataclass(frozen=True)
class Changed:
    """Rows that changed: no others than those in the windows that have one of the keys."""

    windows: Windows = ()
    keys: Keys | None = None

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __str__(self) -> str:
        of = "" if self.keys is None else f" of {self.keys}"
        return " ".join(map(str, self.windows)) + of


EVERYTHING = Changed((ALL_TIME,))


def joined(several: Iterable[Changed]) -> Changed:
    """All that changed in any of them, and perhaps more."""
    some = [changed for changed in several if changed]
    return Changed(
        windows.union(window for changed in some for window in changed.windows),
        keys.union(changed.keys for changed in some),
    )


@dataclass(frozen=True)
class TableState:
    """How a stored table came to be."""

    fingerprint: str
    """Of the expression (a model) or of the columns (an ingestion)."""
    changes: tuple[Change, ...]
    """The newest last; never empty."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """The version of each stored parent that the rows were built from."""
    covered: Windows = ()
    """The windows that an ingestion has fetched so far."""
    fields: tuple[str, ...] = ()
    """What the rows of an ingestion's source had so far; empty: not known."""
    archived: datetime | None = None
    """The rows before this moment have left for the archive, and are not fetched again."""
    left: Keys | None = None
    """The keys that the source listed once, and lists no more; None: there are none."""

    @property
    def version(self) -> str:
        """Changes exactly when rows change; it is the run that changed them."""
        return self.changes[-1].version

    @property
    def settled(self) -> Windows:
        """The windows that need no fetch: they were asked for, or are archived."""
        return windows.union([*self.covered, *self.gone])

    @property
    def gone(self) -> Windows:
        """The time whose rows are archived."""
        return () if self.archived is None else (Window(windows.BEGINNING, self.archived),)

    def is_news(self, covered: Windows, now: datetime) -> bool:
        """Whether it is worth a commit that windows are covered, though no row of them changed.

        It is not that today was fetched on, from where the last fetch ended up to now: what is
        asked for hour by hour would be a commit each time.
        """
        ends = {window.end for window in self.covered if window.end > windows.floor(now, "day")}
        return any(
            window.start not in ends or now - window.end > _MINUTE
            for window in windows.subtract(covered, self.covered)
        )

    def changed_since(self, version: str | None) -> Changed:
        """What was touched after `version`; everything, if that is not remembered."""
        known = [change.version for change in self.changes]
        if version not in known:
            return EVERYTHING
        later = self.changes[known.index(version) + 1 :]
        return joined(Changed(change.windows, change.keys) for change in later)

    def after(self, change: Change) -> TableState:
        """The state with one more change; what a run changes in several steps is one change."""
        earlier = self.changes
        if earlier and earlier[-1].version == change.version:
            both = joined(Changed(each.windows, each.keys) for each in (earlier[-1], change))
            earlier, change = earlier[:-1], Change(change.version, both.windows, both.keys)
        return replace(self, changes=(*earlier, change)[-_REMEMBERED:])

    def to_property(self) -> str:
        """The state as the text of a table property."""
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
                **({"archived": self.archived.isoformat()} if self.archived else {}),
                **({"left": keys.to_json(self.left)} if self.left else {}),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_property(cls, text: str) -> TableState:
        """The state that `to_property` wrote."""
        document = json.loads(text)
        return cls(
            fingerprint=document["fingerprint"],
            parents=document["parents"],
            covered=windows.from_json(document["covered"]),
            fields=tuple(document.get("fields", ())),
            archived=datetime.fromisoformat(at) if (at := document.get("archived")) else None,
            left=keys.from_json(document.get("left")),
            changes=tuple(
                Change(version, windows.from_json(pairs), *map(keys.from_json, known))
                for version, pairs, *known in document["changes"]
            ),
        )
