"""The keys to Amazon's services, and to others that speak like them, that this user has."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True)
class Keys:
    """A key with its secret; one that lasts for a while has a token, too."""

    access_key: SecretStr
    secret_key: SecretStr
    session_token: SecretStr | None = None

    def named(self, key: str, secret: str, token: str) -> dict[str, str]:
        """Return the keys in plain text, by the names that a library has for them."""
        plain = {key: self.access_key, secret: self.secret_key, token: self.session_token}
        return {name: text.get_secret_value() for name, text in plain.items() if text is not None}


class NoKeysError(Exception):
    """None is found; its text says why, without a secret."""


def found(profile: str | None) -> Keys:
    """Return what botocore finds: of a profile, a role, the machine or its container.

    A key of a role lasts for an hour or so. Raises NoKeysError.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        credentials = botocore.session.Session(profile=profile).get_credentials()
    except BotoCoreError as error:
        raise NoKeysError(type(error).__name__) from None
    if credentials is None:
        raise NoKeysError("no profile, role or machine has one")
    try:
        frozen = credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise NoKeysError(type(error).__name__) from None
    token = SecretStr(frozen.token) if frozen.token else None
    return Keys(SecretStr(frozen.access_key), SecretStr(frozen.secret_key), token)
