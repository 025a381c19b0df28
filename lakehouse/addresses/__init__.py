"""Addresses of servers: reading and checking them, and hiding them and other secrets in texts.

Texts are the errors of libraries, which may also repeat secrets of the environment. Connecting to a
server is not done here. Any address may hold a password, and a mistyped one may hold it in an
unexpected place. Therefore an error repeats nothing of an address that cannot be read. An address
that can be read becomes an `Address`, which shows the server and hides the rest. Addresses of HTTP
servers and of buckets need no password: they are refused if they hold one, and stay plain text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import SecretStr

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,19})://.", re.DOTALL)
_SIGNS = re.compile(r"//|:/|[@=%]")
"""Signs that occur in an address, or in the part of one that holds a password, but not in a plain
name, number or path."""
_LONGEST = 60
"""Characters of a value that an error may repeat, at most."""


@dataclass(frozen=True)
class Address:
    """Address of a server. `whole` may hold a password; messages and errors use `shown`."""

    shown: str
    """The server, without user, password or options."""
    whole: SecretStr = field(repr=False)

    def reveal(self) -> str:
        """Return the whole address with its password; pass it only to the library that connects."""
        return self.whole.get_secret_value()

    def __str__(self) -> str:
        return self.shown

    def __reduce__(self) -> NoReturn:
        """Raise TypeError: pickling would take a password into a file or another process."""
        msg = "an address may hold a password: it cannot be pickled or copied"
        raise TypeError(msg)


def alert_channels(text: str) -> tuple[Address, ...]:
    """Return the Apprise addresses in a text, separated by white space.

    Each shows its scheme alone, or '?' if it has none. Apprise is slow to load, so it checks them
    only when there is an alert to send.
    """
    addresses = []
    for word in text.split():
        scheme = _SCHEME.match(word)
        addresses.append(Address(scheme[1] if scheme else "?", SecretStr(word)))
    return tuple(addresses)


def repeatable(value: object) -> str:
    """Return the value of a setting as an error may quote it.

    A value that could be an address, or a part of one, is replaced by a remark.
    """
    is_plain = len(str(value)) <= _LONGEST and not _SIGNS.search(str(value))
    return repr(value) if is_plain else "a value that is not repeated here"
