"""Queries of Nightscout's entries API, read from a request's address as the server reads it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

PATHS = {"/api/v1/entries.json": None, "/api/v1/entries/sgv.json": "sgv"}
"""Type of entry by path of the address; None means every type."""

_DEFAULT_COUNT = 10
_DEFAULT_MILLISECONDS = 4 * 24 * 3_600_000
_CONDITION = re.compile(r"find\[date\]\[\$(gte|gt|lte|lt)\]")


@dataclass(frozen=True)
class Query:
    """The newest `count` entries (0: all) of a `type` (None: any) with `date` in `[start, end)`."""

    count: int = _DEFAULT_COUNT
    type: str | None = None
    start: float = -inf
    end: float = inf

    def matches(self, document: Any) -> bool:
        """Return whether a document matches; one whose `date` is no number never does."""
        if not isinstance(document, dict) or type(document.get("date")) not in (int, float):
            return False
        is_of_type = self.type in (None, document.get("type"))
        return is_of_type and self.start <= document["date"] < self.end


class Archive(Protocol):
    """A collection of entries that queries can be asked of."""

    def find(self, query: Query) -> list[Any]:
        """Return the documents that match, newest first, cut to `query.count`."""
        ...


def read(target: str) -> Query | None:
    """Return the query of a request's target; None if its path is not one of entries.

    Without a condition on `date` it is about the last four days, as on a real server.
    Raises ValueError for what is no number, and for a condition that is not supported here.
    """
    parts = urlsplit(target)
    if parts.path not in PATHS:
        return None
    count, start, end = _DEFAULT_COUNT, -inf, inf
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name == "count":
            count = abs(_whole(text))  # as MongoDB's limit
        elif condition := _CONDITION.fullmatch(name):
            operator, value = condition[1], _whole(text)
            if operator in ("gte", "gt"):
                start = max(start, value if operator == "gte" else nextafter(value, inf))
            else:
                end = min(end, value if operator == "lt" else nextafter(value, inf))
        elif name.startswith("find"):
            msg = f"{name} is not known here"
            raise ValueError(msg)
    if (start, end) == (-inf, inf):
        start = time.time() * 1000 - _DEFAULT_MILLISECONDS
    return Query(count, PATHS[parts.path], start, end)


def _whole(text: str) -> int:
    """Return the whole number that `text` begins with, as JavaScript's parseInt reads it."""
    number = re.match(r"\s*([+-]?\d+)", text)
    if number is None:
        msg = f"{text} is no number"
        raise ValueError(msg)
    return int(number[1])
