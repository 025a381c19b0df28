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
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]*(?:/[^\s@?#:*[\]]*)?")
_PORTS = range(1, 1 << 16)


def web_address(text: str, where: str, *, secrets_in: str, may_have_user: bool = False) -> str:
    """Return the address of an HTTP server, without white space around it or a slash at its end.

    `where` names the setting that the text was read from; `secrets_in` completes the hint: where a
    secret belongs instead. Raises ConfigError, which quotes nothing of the text.
    """
    match = _WEB.fullmatch(text.strip())
    if match is not None and int(match["port"] or 1) in _PORTS:
        user = f"{match['user']}@" if match["user"] else ""
        if not user or may_have_user:
            port = f":{match['port']}" if match["port"] else ""
            path = match["path"].rstrip("/")
            return f"{match['scheme'].lower()}://{user}{match['host']}{port}{path}"
    if re.search(r"[@?#]", text):
        raise ConfigError(
            f"{where} holds a password, a query or a fragment",
            hint=f"keep scheme, host and path; {secrets_in}",
        )
    raise ConfigError(
        f"{where} is not an HTTP address",
        hint="give scheme and host, such as https://anna.example.org",
    )


def bucket_address(text: str, where: str) -> str:
    """Return the address of a folder in a bucket, without a slash at its end.

    Raises ConfigError, which quotes nothing of the text.
    """
    if not _BUCKET.fullmatch(text.strip()):
        raise ConfigError(
            f"{where} is no place in a bucket",
            hint="use an address such as s3://lake/warehouse, without characters of patterns",
        )
    return text.strip().rstrip("/")
