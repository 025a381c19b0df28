"""How servers of HTTP learn who we are, and how we know them: credentials, tokens, authorities.

Settings hold an `Identity` for each server; `Access` makes requests with it. What is secret comes
from the environment and is sent through https alone. Keys to buckets and passwords of Postgres are
not of here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import SecretStr


@dataclass(frozen=True)
class Password:
    """The password of a user."""

    password: SecretStr


@dataclass(frozen=True)
class Token:
    """A token, such as a JWT, that somebody else renews."""

    token: SecretStr


@dataclass(frozen=True)
class ClientCredentials:
    """A client of OAuth2, which fetches tokens itself (RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    secret: SecretStr
    scope: str | None


@dataclass(frozen=True)
class Certificate:
    """A client's certificate and its key, as paths of PEM files, which may be one file."""

    file: str
    key: str


Credential: TypeAlias = Password | Token | ClientCredentials | Certificate


@dataclass(frozen=True)
class Identity:
    """How one server learns who we are, and whom it is trusted by."""

    credential: Credential | None = field(default=None, repr=False)
    """None if the server asks nobody who they are."""
    user: str | None = None
    """Name of the user; None: the one in the server's address, or whom the credential names."""
    ca_file: str | None = None
    """Path of the authorities that are trusted for it, in PEM; None: those of `requests`."""

    @property
    def names_user(self) -> bool:
        """Whether the credential itself says whose it is."""
        return isinstance(self.credential, Token | ClientCredentials | Certificate)


NOBODY = Identity()
"""For a server that asks nobody who they are, and that well-known authorities vouch for."""
