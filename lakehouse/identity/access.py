"""Requests to a server by an identity: sessions, and parts of them for clients with their own."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from lakehouse.identity import NOBODY, Certificate, ClientCredentials, Identity, Password, Token
from lakehouse.identity.tokens import Tokens


class Access:
    """Who we are to a server; tokens that it fetches are shared by all that use it."""

    def __init__(self, identity: Identity = NOBODY, user: str = "") -> None:
        """`user` is whose the password is."""
        self._identity, self._user = identity, user

    @property
    def ca_file(self) -> str | None:
        """Path of the authorities that are trusted for the server; None: those of `requests`."""
        return self._identity.ca_file

    @cached_property
    def auth(self) -> AuthBase | None:
        """What adds the credential to each request; None if there is none, or a certificate."""
        match self._identity.credential:
            case Password(password):
                # UTF-8, which servers expect; `requests` would take Latin-1 for a text.
                return HTTPBasicAuth(self._user.encode(), password.get_secret_value().encode())
            case Token() | ClientCredentials() as credential:
                return _Bearer(Tokens(credential, self.ca_file))
        return None

    def session(self) -> requests.Session:
        """Return a new session, which its user closes."""
        session = _Session(self.ca_file)
        session.auth = self.auth
        if isinstance(certificate := self._identity.credential, Certificate):
            session.cert = (certificate.file, certificate.key)
        return session


class _Session(requests.Session):
    """A session whose authorities go before those that variables of the environment name."""

    def __init__(self, ca_file: str | None) -> None:
        super().__init__()
        self._ca_file = ca_file

    def merge_environment_settings(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        settings = super().merge_environment_settings(*arguments, **named)
        return settings | ({"verify": self._ca_file} if self._ca_file else {})


class _Bearer(AuthBase):
    """Adds a token that is valid when the request is made."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._tokens.valid()}"
        return request
