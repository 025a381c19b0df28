"""Names of fetched columns: as the source wrote them, or in snake case where that is declared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from lakehouse.errors import ProjectError

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec

_WORD = re.compile(r"(?<=[^\W_])(?=[A-Z][a-z])|(?<=[a-z0-9])(?=[A-Z])")
"""Where a word begins within a name: `unit|Price`, `HTTP|Status`, `order2|Item`."""


@lru_cache(maxsize=10_000)
def snake_case(name: str) -> str:
    """Return a name in small letters, its words joined by `_`, other signs than letters as `_`."""
    return re.sub(r"\W", "_", _WORD.sub("_", name)).lower()


def renamed(names: Sequence[str], spec: IngestionSpec) -> list[str]:
    """Return names by the `naming` of an ingestion.

    Raises ProjectError for two names that become one: a column would be lost.
    """
    if spec.naming is None:
        return [*names]
    new = [snake_case(name) if isinstance(name, str) else name for name in names]
    if len({*new}) < len(new):
        first, second = _of_one_name(names, new)
        raise ProjectError(
            f"{spec.table} yielded {first!r} and {second!r}, both {snake_case(second)!r} in"
            " snake case",
            hint="rename one of them before you yield it, or take out `naming`",
        )
    return new


def _of_one_name(names: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    second = next(place for place, name in enumerate(new) if name in new[:place])
    return names[new.index(new[second])], names[second]
