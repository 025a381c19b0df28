"""Whether an answer fits its question: entries of the span alone, and all of them.

The API says of no answer whether it is whole. A real server cuts it to the newest `count`; others
that speak the API have a limit of their own, ignore conditions, or answer from a cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ingestion.failures import Failure
from ingestion.spans import Span

_DEFAULT = 10
"""Entries that a server answers which does not heed `count`."""
_ROUND = 50
"""Limits of servers are multiples of it, or powers of two."""
_LEAST_POWER = 64
_SENSIBLE = Span(946_684_800_000, 4_102_444_800_000)
"""Dates that a reading can have: 2000 to 2099. Those in seconds or microseconds lie outside."""


def misfit(documents: Sequence[Any], span: Span) -> Failure | None:
    """Return the failure of a server that answered entries outside of `span`; None if none is.

    A `date` that no reading can have is a fault of that entry, which validation names.
    """
    for document in documents:
        date = date_of(document)
        if date is not None and date in _SENSIBLE and date not in span:
            return Failure(
                "answered entries of another time: it does not heed `find[date]`,"
                " or repeats an answer to another request",
                hint="is this a Nightscout? A cache in front of it has to leave /api alone",
            )
    return None


def may_be_cut(documents: Sequence[Any], count: int) -> bool:
    """Return whether a server that was asked for `count` entries may have left some out.

    Round numbers are what such an answer has; a whole one has one by chance, once in fifty times.
    """
    found = len(documents)
    is_power = found >= _LEAST_POWER and found & (found - 1) == 0
    return found > 0 and (found >= count or found == _DEFAULT or found % _ROUND == 0 or is_power)


def rest(documents: Sequence[Any], span: Span) -> Span | None:
    """Return the part of `span` that a cut answer may have left out: all below its oldest entry.

    That entry's millisecond is part of it, as others may share it. None: the answer is not sorted
    newest first, so anything may be missing, or there is nothing below.
    """
    dates = [date_of(document) for document in documents]
    known = [date for date in dates if date is not None]
    if len(known) < len(dates) or any(older > newer for newer, older in pairwise(known)):
        return None
    end = math.floor(known[-1]) + 1
    return Span(span.start, end) if span.start < end < span.end else None


def date_of(document: Any) -> float | None:
    """Return the `date` of an entry, if it is a number."""
    date = document.get("date") if isinstance(document, dict) else None
    return date if isinstance(date, int | float) and not isinstance(date, bool) else None
