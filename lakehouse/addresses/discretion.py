"""Texts of errors that libraries raise, without the addresses and passwords they may hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

from lakehouse.errors import LakehouseError

_HIDDEN = "…"
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|KEY|URL|ALERTS")
"""Matches names of environment variables that hold a secret, or an address with one."""
_SHORTEST = 4
"""Characters of a secret that is searched for, at least: shorter ones occur within words."""
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^:@\s]*:(\S+)@")
_NAMED = re.compile(
    r"\b(\w*(?:secret|token|passw(?:or)?d|pwd|key))(\W{0,2}[=:]\s*)\S+", re.IGNORECASE
)


def unexpected(error: BaseException) -> str:
    """Return what `described` says of an error that nobody reckoned with."""
    return f"unexpected {described(error)}"


def described(error: BaseException) -> str:
    """Return the type of an error and the first line of its text, with possible secrets hidden."""
    name, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{name}: {_discreet(lines[0])}" if lines else name


def recorded(error: BaseException) -> str:
    """Return the text of an error for the record of a run; that of a library is made discreet."""
    text = str(error) or type(error).__name__
    return text if isinstance(error, LakehouseError) else _discreet(text)


def _discreet(text: str) -> str:
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    text = _ADDRESS.sub(rf"\1://{_HIDDEN}", text)
    return _NAMED.sub(rf"\1\2{_HIDDEN}", text)


def _secrets() -> Iterator[str]:
    """Yield the environment's values that may be secret, and the passwords in their addresses."""
    for name, value in os.environ.items():
        if _SECRET.search(name.upper()):
            passwords = _PASSWORD.findall(value)
            parts = (*value.split(), *passwords, *map(unquote, passwords))
            yield from (part for part in parts if len(part) >= _SHORTEST)
