"""Identities as settings say them: in `[production]` of the file, secrets in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from lakehouse.addresses.web import web_address
from lakehouse.errors import ConfigError
from lakehouse.identity import (
    Certificate,
    ClientCredentials,
    Credential,
    Identity,
    Password,
    Token,
)

_OF_BOTH = ("client_id", "token_url", "scope", "ca_file")
_OF_TRINO = ("user", "certificate", "certificate_key", "secrets", "postgres_catalog")
KEYS = (
    *(f"nessie_{key}" for key in _OF_BOTH),
    *(f"trino_{key}" for key in (*_OF_BOTH, *_OF_TRINO)),
)
"""Keys in `[production]` that say who we are; none of them is a secret."""
_NAME = re.compile(r"[A-Za-z][\w.-]*")
_WORD = re.compile(r"[^\s:/?#=]+")
_SCOPE = re.compile(r"[^@?#=]+")


@dataclass(frozen=True)
class _Place:
    """Where the settings of one server are looked up."""

    server: str
    declared: Mapping[str, str]
    env: Mapping[str, str]
    root: Path

    def variable(self, key: str) -> str:
        """Return the variable of the environment that goes before a key of the file."""
        return f"LAKEHOUSE_{self.server}_{key}".upper()

    def text(self, key: str) -> str | None:
        return self.env.get(self.variable(key)) or self.declared.get(f"{self.server}_{key}")

    def checked(self, key: str, form: re.Pattern[str], what: str) -> str | None:
        """Return a text that Trino may show to all who list queries.

        Raises ConfigError for one of another form, which is not repeated: it may hold a secret.
        """
        if (text := self.text(key)) and not form.fullmatch(text):
            raise ConfigError(
                f"{self.variable(key)} is {what}",
                hint="passwords, tokens and secrets have variables of their own",
            )
        return text

    def secret(self, key: str) -> SecretStr | None:
        value = self.env.get(self.variable(key))
        return SecretStr(value) if value else None

    def file(self, key: str) -> str | None:
        """Return the path of a file, relative to the root. Raises ConfigError if it is missing."""
        if (text := self.text(key)) is None:
            return None
        path = self.root / Path(text).expanduser()
        if not path.is_file():  # the path is not repeated: it may be a secret in the wrong place
            raise ConfigError(
                f"{self.variable(key)} is no file that can be read",
                hint=f"give the path of a PEM file; also `{self.server}_{key}` of [production]",
            )
        return str(path)


def nessie(
    address: str, declared: Mapping[str, str], env: Mapping[str, str], root: Path
) -> Identity:
    """Return how a Nessie at an address learns who we are. Raises ConfigError.

    `declared` is `[production]` of the file in the folder `root`.
    """
    place = _Place("nessie", declared, env, root)
    credential = _the_one(place, address, {"TOKEN": _token(place), "CLIENT_ID": _client(place)})
    return Identity(credential, ca_file=place.file("ca_file"))


def trino(
    address: str | None, declared: Mapping[str, str], env: Mapping[str, str], root: Path
) -> Identity:
    """Return how a Trino at an address learns who we are. Raises ConfigError."""
    place = _Place("trino", declared, env, root)
    found = {
        "PASSWORD": _password(place),
        "TOKEN": _token(place),
        "CLIENT_ID": _client(place),
        "CERTIFICATE": _certificate(place),
    }
    credential = _the_one(place, address, found)
    user = place.checked("user", _WORD, "no name of a user")
    return Identity(credential, user, place.file("ca_file"))


def warehouse(declared: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    """Return the name of the warehouse in Nessie, if one is set. Raises ConfigError."""
    return _Place("nessie", declared, env, Path()).checked(
        "warehouse", _NAME, "no NAME of nessie.catalog.warehouses.NAME.location"
    )


def trino_name(key: str, declared: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    """Return a name of something in Trino, if one is set. Raises ConfigError."""
    return _Place("trino", declared, env, Path()).checked(key, _NAME, "no name in Trino")


def _the_one(
    place: _Place, address: str | None, found: Mapping[str, Credential | None]
) -> Credential | None:
    """Return the only credential, by the variable that it is set with; None if there is none."""
    given = {place.variable(key): each for key, each in found.items() if each is not None}
    if len(given) > 1:
        raise ConfigError(
            f"{' and '.join(given)} are set, and {place.server.capitalize()} takes one credential",
            hint="leave one of them",
        )
    for variable, credential in given.items():
        _require_https(address, variable, place.variable("url"))
        return credential
    return None


def _password(place: _Place) -> Credential | None:
    password = place.secret("password")
    return Password(password) if password else None


def _token(place: _Place) -> Credential | None:
    token = place.secret("token")
    return Token(token) if token else None


def _client(place: _Place) -> Credential | None:
    """Return the client of OAuth2; None if nothing of it is set."""
    client_id = place.checked("client_id", _WORD, "no id of a client")
    secret = place.secret("client_secret")
    token_url = place.text("token_url")
    parts = {"client_id": client_id, "client_secret": secret, "token_url": token_url}
    if not any(parts.values()):
        return None
    if client_id is None or secret is None or token_url is None:
        missing = next(key for key, part in parts.items() if part is None)
        raise ConfigError(
            f"a client of OAuth2 needs {place.variable(missing)}",
            hint="set the id and the secret of the client, and the address that gives tokens",
        )
    variable = place.variable("token_url")
    url = web_address(
        token_url, variable, secrets_in=f"the secret is {place.variable('client_secret')}"
    )
    _require_https(url, place.variable("client_secret"), variable)
    scope = place.checked("scope", _SCOPE, "no scope of OAuth2")
    return ClientCredentials(url, client_id, secret, scope)


def _certificate(place: _Place) -> Credential | None:
    file = place.file("certificate")
    return Certificate(file, place.file("certificate_key") or file) if file else None


def _require_https(address: str | None, secret: str, variable: str) -> None:
    """Raise ConfigError if a secret would be sent to an address without encryption."""
    if address is not None and not address.startswith("https://"):
        raise ConfigError(
            f"{secret} would travel unencrypted: {variable} begins with http://",
            hint=f"set {variable} to an https:// address, or unset {secret}",
        )
