"""Tokens: given ones, and those that a client of OAuth2 fetches and renews before they end."""

from __future__ import annotations

import threading
import time

import requests

from lakehouse.errors import IdentityError
from lakehouse.identity import ClientCredentials, Token
from lakehouse.identity.certificates import untrusted

_TIME_LIMITS = (5.0, 30.0)
"""Seconds that connecting, and an answer, may take."""
_LIFE = 300.0
"""Seconds that a token is used whose life the server does not tell."""
_MARGIN = 60.0
"""Seconds before its end at which a token is renewed; a short one has a quarter of it left."""


class Tokens:
    """The tokens of a credential; several threads may ask at once."""

    def __init__(self, credential: Token | ClientCredentials, ca_file: str | None = None) -> None:
        """`ca_file` is the path of the authorities that are trusted for the server of tokens."""
        self._credential, self._ca_file = credential, ca_file
        self._token, self._renew_at = "", 0.0
        self._lock = threading.Lock()

    def valid(self) -> str:
        """Return a token that is valid for a while. Raises IdentityError if none is to be had."""
        if isinstance(self._credential, Token):
            return self._credential.token.get_secret_value()
        with self._lock:
            if time.monotonic() >= self._renew_at:
                self._token, life = _fetched(self._credential, self._ca_file)
                self._renew_at = time.monotonic() + max(life - _MARGIN, life * 0.75)
            return self._token


def _fetched(client: ClientCredentials, ca_file: str | None) -> tuple[str, float]:
    """Return a new token, and how many seconds it is valid.

    Id and secret are parts of the form, as Iceberg's clients in Trino send them.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.secret.get_secret_value(),
    }
    if client.scope is not None:
        form["scope"] = client.scope
    where = f"the server of tokens at {client.token_url}"
    try:
        answer = requests.post(
            client.token_url,
            form,
            timeout=_TIME_LIMITS,
            verify=ca_file or True,
            auth=lambda request: request,  # not by ~/.netrc, too
            allow_redirects=False,
        )
    except requests.RequestException as error:
        if reason := untrusted(error):
            raise IdentityError(
                f"{where} has a certificate that is not trusted: {reason}",
                hint="name the file of its authority in the `ca_file` of the server it is for",
            ) from None
        raise IdentityError(
            f"{where} does not answer ({type(error).__name__})",
            hint="is it running, are its address and the authorities of its certificate right?",
        ) from None
    if answer.status_code != requests.codes.ok:
        raise IdentityError(
            f"{where} refuses the client {client.client_id!r}: HTTP {answer.status_code}",
            hint="are the client's id, its secret and its scope right?",
        )
    try:
        document = answer.json()
        return str(document["access_token"]), float(document.get("expires_in") or _LIFE)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise IdentityError(
            f"{where} gives no token", hint="give the address of the token endpoint of OAuth2"
        ) from None
