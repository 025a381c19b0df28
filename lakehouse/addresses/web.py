"""Addresses of HTTP servers and of buckets, which hold no password."""

from __future__ import annotations

import re

from lakehouse.errors import ConfigError

_WEB = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[\w.-]+)@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[^\s@?#]*)?)",
    re.IGNORECASE,
)
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]*(?:/[^\s@?#:]*)?")
_PORTS = range(1, 1 << 16)


def web_address(text: str, where: str, *, secrets_in: str, may_have_user: bool = False) -> str:
    """The address of an HTTP server, without white space around it or a slash at its end.

    `where` is what the text was read from, and `secrets_in` where a secret belongs. Raises
    ConfigError, which repeats nothing of the text.
    """
    found = _WEB.fullmatch(text.strip())
    if found is not None and int(found["port"] or 1) in _PORTS:
        user = f"{found['user']}@" if found["user"] else ""
        if not user or may_have_user:
            port = f":{found['port']}" if found["port"] else ""
            path = found["path"].rstrip("/")
            return f"{found['scheme'].lower()}://{user}{found['host']}{port}{path}"
    if re.search(r"[@?#]", text):
        raise ConfigError(
            f"{where} holds a password, a query or a fragment",
            hint=f"keep scheme, host and path; {secrets_in}",
        )
    raise ConfigError(
        f"{where} is no address that can be called",
        hint="give scheme and host, such as https://anna.example.org",
    )


def bucket_address(text: str, where: str) -> str:
    """A place in a bucket, without a slash at its end. Raises ConfigError; repeats nothing."""
    if not _BUCKET.fullmatch(text.strip()):
        raise ConfigError(
            f"{where} is no place in a bucket", hint="use an address such as s3://lake/warehouse"
        )
    return text.strip().rstrip("/")
