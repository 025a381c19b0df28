"""Documents of the recording, spoiled in every way that JSON allows; as text, as they are sent."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from ingestion.query import Query
from ingestion.recording import Recording

Change: TypeAlias = Callable[[random.Random, Any], Any]
HUGE = 50_000
GONE = object()

CHANGES: dict[str, Change] = {
    "gone": lambda dice, value: GONE,
    "null": lambda dice, value: None,
    "number as text": lambda dice, value: str(value),
    "text as number": lambda dice, value: dice.randrange(10**6),
    "a fraction": lambda dice, value: dice.randrange(10**6) + 0.5,
    "another size": lambda dice, value: dice.choice([-1, 0, 1, 39, 601, 2001, 10**13, 1e-300]),
    "a huge whole number": lambda dice, value: dice.choice([1, -1]) * 10 ** dice.randrange(19, 300),
    "a huge fraction": lambda dice, value: dice.choice([1.7e308, -1.7e308]),
    "a boolean": lambda dice, value: dice.random() < 0.5,
    "a list": lambda dice, value: [value, None, [value]],
    "an object": lambda dice, value: {"$oid": value, "": {"a": [1, {"b": None}]}},
    "deep": lambda dice, value: nested(dice.randrange(100, 400), value),
    "empty": lambda dice, value: dice.choice(["", " ", [], {}]),
    "not a number": lambda dice, value: dice.choice(
        ["NaN", "Infinity", "-Infinity", "1e999", "0x1F"]
    ),
    "huge text": lambda dice, value: f"{value}" * (HUGE // len(f"{value}")),
    "unicode": lambda dice, value: f"{value}" + dice.choice("\0\u200f😀é\u2028\uffff\x7f'\"\\;--"),
    "a lone surrogate": lambda dice, value: f"{value}\ud83d",
    "sql": lambda dice, value: f"{value}'); DROP TABLE raw.glucose_entries; --",
}
"""What may be done to one field."""


def nested(levels: int, value: Any) -> Any:
    """The value in so many lists and objects."""
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def spoiled(dice: random.Random, number: int, start: float) -> Iterator[tuple[float, str]]:
    """So many documents from an instant on (epoch milliseconds): when each was written, its text.

    About a third is as it was. Every document can be told by its `_id`, as far as it has one.
    """
    later = Recording().find(Query(count=0, start=start))
    for document in later[: -number - 1 : -1]:
        date, fields = document["date"], dict(document)
        for name in dice.sample([*fields, "extra", "payload"], dice.choice([0, 1, 1, 2, 4])):
            change = CHANGES[dice.choice(list(CHANGES))]
            fields[name] = changed(dice, change, name, fields)
        kept = {name: value for name, value in fields.items() if value is not GONE}
        yield date, text(dice, kept)


def changed(dice: random.Random, change: Change, name: str, fields: dict[str, Any]) -> Any:
    value = change(dice, fields.get(name, "x"))
    whole = str(fields["_id"])
    if name == "_id" and value not in (GONE, None, "") and whole not in str(value):
        return [value, whole]  # otherwise two documents would be one
    return value


def text(dice: random.Random, fields: dict[str, Any]) -> str:
    """The document as JSON; now and then a field stands twice in it."""
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    if parts and dice.random() < 0.05:
        parts.insert(0, dice.choice(parts))
    if parts and dice.random() < 0.05:
        parts.append(
            f"{json.dumps(dice.choice(list(fields)))}: 7" if "_id" not in fields else '"sgv": 7'
        )
    return "{" + ", ".join(parts) + "}"
