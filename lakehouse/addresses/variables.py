"""References to variables of the environment in texts: `${NAME}` and `${NAME:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lakehouse.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::-([^}]*))?\}")


def expanded(value: Any, env: Mapping[str, str], where: str) -> Any:
    """Return a text, or a table or list of texts, with every reference replaced.

    `where` is the place of the text, for errors; a variable that is empty counts as not set.
    Raises ConfigError for one that is needed and not set.
    """
    if isinstance(value, dict):
        dot = "" if where.endswith(" ") else "."
        return {key: expanded(item, env, f"{where}{dot}{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [expanded(item, env, where) for item in value]
    if not isinstance(value, str):
        return value

    def lookup(reference: re.Match[str]) -> str:
        text = env.get(reference[1]) or reference[2]
        if text is None:
            raise ConfigError(
                f"{where} needs the environment variable {reference[1]}", hint=f"set {reference[1]}"
            )
        return text

    return _VARIABLE.sub(lookup, value)
