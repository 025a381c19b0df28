"""Addresses of servers: read when settings are loaded, and repeated only as far as is safe.

An address may hold a password, also where none was meant to be: one that is mistyped most of all.
So nothing is repeated of an address that cannot be read, and one that can be is an `Address`, which
shows the server and hides the rest. Addresses of servers that take no password in them are refused
if they hold one, and are plain text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import SecretStr

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,19})://.", re.DOTALL)
_SIGNS = re.compile(r"//|:/|[@=%]")
"""What tells an address, or a part of one with its password, from a name, a number or a path."""
_LONGEST = 60


@dataclass(frozen=True)
class Address:
    """Where a server is. The whole may hold a password; text and errors have what is `shown`."""

    shown: str
    """The server, without user, password or options."""
    whole: SecretStr = field(repr=False)

    def reveal(self) -> str:
        """The whole of it, for the library that connects: let it reach nothing else."""
        return self.whole.get_secret_value()

    def __str__(self) -> str:
        return self.shown

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, so that no file and no other process gets it unnoticed."""
        msg = "an address is kept in memory alone"
        raise TypeError(msg)


def alert_channels(text: str) -> tuple[Address, ...]:
    """Addresses of Apprise, separated by white space; each shows its scheme, '?' if it has none.

    Whether Apprise knows them is found when there is something to tell: it is slow to load.
    """
    found = []
    for each in text.split():
        scheme = _SCHEME.match(each)
        found.append(Address(scheme[1] if scheme else "?", SecretStr(each)))
    return tuple(found)


def repeatable(value: object) -> str:
    """A setting's value as an error may repeat it, for what stands in place of a name.

    What could be an address, or a part of one, is not repeated.
    """
    is_plain = len(str(value)) <= _LONGEST and not _SIGNS.search(str(value))
    return repr(value) if is_plain else "a value that is not repeated here"
