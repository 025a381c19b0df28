"""What may be repeated of an error that a library raised: it can hold an address or a password."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

_HIDDEN = "…"
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|KEY|URL|ALERTS")
"""Part of the name of an environment variable that holds a secret, or an address with one."""
_SHORTEST = 4
"""Characters of a value from which on it is looked for: shorter ones are parts of words."""
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^:@\s]*:(\S+)@")
_NAMED = re.compile(
    r"\b(\w*(?:secret|token|passw(?:or)?d|pwd|key))(\W{0,2}[=:]\s*)\S+", re.IGNORECASE
)


def unexpected(error: BaseException) -> str:
    """The name of an error's type, and the first line of its text without what may be secret."""
    name, lines = type(error).__name__, str(error).strip().splitlines()
    return f"unexpected {name}: {_discreet(lines[0])}" if lines else f"unexpected {name}"


def _discreet(text: str) -> str:
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    text = _ADDRESS.sub(rf"\1://{_HIDDEN}", text)
    return _NAMED.sub(rf"\1\2{_HIDDEN}", text)


def _secrets() -> Iterator[str]:
    """Values of the environment that may be secret, and passwords in addresses among them."""
    for name, value in os.environ.items():
        if _SECRET.search(name.upper()):
            passwords = _PASSWORD.findall(value)
            parts = (*value.split(), *passwords, *map(unquote, passwords))
            yield from (part for part in parts if len(part) >= _SHORTEST)
