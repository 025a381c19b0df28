"""Addresses of Postgres: a URI, or `keyword=value` pairs, as libpq reads both.

They are read here, and more strictly: libpq repeats what it cannot read, takes a part of a password
for a port or a database, and is slow to load. Whatever is accepted here means the same to libpq.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from pydantic import SecretStr

from lakehouse.addresses import Address
from lakehouse.errors import ConfigError

_FORM = "postgresql://user:password@host:port/database"
_ENCODE = (
    "write @ as %40, / as %2F, % as %25, ? as %3F and white space as %20 in user and password,"
    " or leave the password to PGPASSWORD"
)
_URI = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^\s:@/]*)(?::(?P<password>[^\s@/]*))?@)?"
    r"(?P<places>[^\s@/?]*)(?:/(?P<dbname>[^\s@/?]*))?(?:\?(?P<options>[^\s@]*))?",
    re.ASCII,
)
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::(?P<port>[0-9]*))?")
_PAIR = re.compile(
    r"\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(?!')((?:[^\s\\]|\\.)*))(?:\s+|$)",
    re.ASCII | re.DOTALL,
)
_HOST = re.compile(r"[\w.:%-]*|/.*|@[\w.-]+")
"""A name, a number, the folder of a socket, or a socket of Linux without a place."""
_DATABASE = re.compile(r"[\w.-]*")
"""Those that are shown."""
_PORTS = range(1, 1 << 16)
_OPTIONS = """
application_name channel_binding client_encoding connect_timeout dbname
fallback_application_name gssdelegation gssencmode gsslib host hostaddr keepalives
keepalives_count keepalives_idle keepalives_interval krbsrvname load_balance_hosts
max_protocol_version min_protocol_version oauth_client_id oauth_client_secret oauth_issuer
oauth_scope options passfile password port replication require_auth requirepeer scram_client_key
scram_server_key service ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode
sslcompression sslcrl sslcrldir sslkey sslkeylogfile sslmode sslnegotiation sslpassword
sslrootcert sslsni target_session_attrs tcp_user_timeout user
"""
OPTIONS = frozenset(_OPTIONS.split())
"""What libpq knows."""


class _UnreadableError(Exception):
    """What is wrong about an address, in words that repeat nothing of it; then what to do."""


def postgres_address(text: str, where: str) -> Address:
    """The address of a Postgres; `where` is what it was read from.

    Raises ConfigError, which repeats nothing of the text.
    """
    text = text.strip()
    try:
        parts = parse(text)
    except _UnreadableError as error:
        reason, hint = error.args
        raise ConfigError(f"{where} is no address of Postgres: {reason}", hint=hint) from None
    return Address(_shown(parts), SecretStr(text))


def parse(text: str) -> dict[str, str]:
    """What an address says, by keyword of libpq."""
    if text.startswith(("postgresql://", "postgres://")):
        parts = dict(_of_uri(text))
    elif "://" in text.partition("=")[0] or "=" not in text:
        raise _UnreadableError("it does not begin with postgresql:// or postgres://", _begin(text))
    else:
        parts = dict(_of_pairs(text))
    _require_sense(parts)
    return {keyword: value for keyword, value in parts.items() if value}


def _of_uri(text: str) -> Iterator[tuple[str, str]]:
    found = _URI.fullmatch(text)
    if found is None:
        reason = "a character of it has to be percent-encoded, most likely in the password"
        raise _UnreadableError(reason, _ENCODE)
    for keyword in ("user", "password", "dbname"):
        if found[keyword]:
            yield keyword, _decoded(found[keyword])
    places = [_PLACE.fullmatch(place) for place in found["places"].split(",")]
    if None in places:
        raise _UnreadableError("its host or port cannot be read", f"write {_FORM}; {_ENCODE}")
    yield "host", ",".join(_decoded(place["host"].strip("[]")) for place in places if place)
    yield "port", ",".join(place["port"] or "" for place in places if place)
    for pair in found["options"].split("&") if found["options"] else ():
        keyword, separator, value = pair.partition("=")
        if not separator or "=" in value:
            raise _UnreadableError("an option of it is no keyword=value", _ENCODE)
        if (keyword, value) == ("ssl", "true"):
            keyword, value = "sslmode", "require"
        yield _decoded(keyword), _decoded(value)


def _of_pairs(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        found = _PAIR.match(text, place)
        if found is None:
            raise _UnreadableError(
                "a part of it is no keyword=value, or a quote is not closed",
                "write host=… user=… password='…' dbname=…, with \\' and \\\\ between the quotes",
            )
        value = found[3] if found[2] is None else found[2]
        yield found[1], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        place = found.end()


def _require_sense(parts: dict[str, str]) -> None:
    """Refuse what libpq could not use, and would repeat."""
    if not parts.keys() <= OPTIONS:
        raise _UnreadableError("Postgres knows no such option", _ENCODE)
    hosts = [host for each in ("host", "hostaddr") for host in parts.get(each, "").split(",")]
    if not all(map(_HOST.fullmatch, hosts)):
        raise _UnreadableError("its host cannot be the name of one", f"write {_FORM}; {_ENCODE}")
    ports = [each for each in parts.get("port", "").split(",") if each]
    if not all(re.fullmatch("[0-9]{1,5}", each) and int(each) in _PORTS for each in ports):
        raise _UnreadableError("its port is no number from 1 to 65535", f"write {_FORM}; {_ENCODE}")
    if any(mark in parts.get("dbname", "") for mark in ("://", "@", "=")):
        raise _UnreadableError("its database cannot be the name of one", f"write {_FORM}")


def _shown(parts: dict[str, str]) -> str:
    hosts = (parts.get("host") or parts.get("hostaddr", "")).split(",")
    ports = parts.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = (
        f"{host or 'localhost'}{':' if port else ''}{port}"
        for host, port in zip(hosts, ports, strict=False)
    )
    database = parts.get("dbname", "")
    return f"{','.join(places)}/{database if _DATABASE.fullmatch(database) else ''}"


def _decoded(text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})|%00", text):
        raise _UnreadableError("a % in it begins no percent-encoded character", _ENCODE)
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _UnreadableError("a percent-encoded character is not UTF-8", _ENCODE) from None


def _begin(text: str) -> str:
    """What to do about an address that begins in another way."""
    if text[:1] in "\"'`":
        return "write it without the quotes"
    if text.startswith("jdbc:"):
        return f"that is an address for Java; write {_FORM}"
    return f"write {_FORM}, and nothing before or after it"
