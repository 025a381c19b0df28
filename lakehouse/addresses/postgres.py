"""Addresses of Postgres: a URI, or `keyword=value` pairs, as libpq reads both.

They are read here instead of by libpq, whose errors quote what it cannot read, which may take a
part of a password for a port or a database, and which is slow to load. This parser is stricter:
every address that it accepts means the same to libpq.
"""

from __future__ import annotations

import os
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
"""Matches a name, an IP address, the folder of a socket, or an abstract socket of Linux."""
_DATABASE = re.compile(r"[\w.-]*")
"""Matches names of databases that are shown; others are used, but hidden."""
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
_LIMITS = {
    "connect_timeout": "10",  # seconds
    "tcp_user_timeout": "30000",  # milliseconds until data has to be acknowledged
    "keepalives_idle": "30",  # seconds of silence until the other machine is asked whether it lives
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""Limits of time for connections whose address does not say otherwise, by keyword of libpq.

They end the wait for a machine that is gone. A statement may take any time."""
OPTIONS = frozenset(_OPTIONS.split())
"""Keywords that libpq knows."""


class _UnreadableError(Exception):
    """Raised with two texts: what is wrong with an address, and what to do; neither quotes it."""


def postgres_address(text: str, where: str) -> Address:
    """Return the address of a Postgres; `where` names the setting that the text was read from.

    Raises ConfigError, which quotes nothing of the text.
    """
    text = text.strip()
    try:
        parts = parse(text)
    except _UnreadableError as error:
        reason, hint = error.args
        raise ConfigError(f"{where} is no address of Postgres: {reason}", hint=hint) from None
    return Address(_shown(parts), SecretStr(text))


def limited(address: Address) -> Address:
    """Return an address with limits of time, where neither it nor the environment sets them."""
    text = address.reveal()
    known = parse(text).keys() | (
        {"connect_timeout"} if os.environ.get("PGCONNECT_TIMEOUT") else ()
    )
    limits = [f"{name}={value}" for name, value in _LIMITS.items() if name not in known]
    if "://" not in text.partition("=")[0]:
        return Address(address.shown, SecretStr(" ".join([text, *limits])))
    mark = "&" if "?" in text else "?"
    return Address(address.shown, SecretStr(f"{text}{mark}{'&'.join(limits)}"))


def parse(text: str) -> dict[str, str]:
    """Return the parts of an address by keyword of libpq. Raises _UnreadableError."""
    if text.startswith(("postgresql://", "postgres://")):
        parts = dict(_of_uri(text))
    elif "://" in text.partition("=")[0] or "=" not in text:
        raise _UnreadableError("it does not begin with postgresql:// or postgres://", _begin(text))
    else:
        parts = dict(_of_pairs(text))
    _require_sense(parts)
    return {keyword: value for keyword, value in parts.items() if value}


def _of_uri(text: str) -> Iterator[tuple[str, str]]:
    match = _URI.fullmatch(text)
    if match is None:
        reason = "it holds a character that has to be percent-encoded, most likely in the password"
        raise _UnreadableError(reason, _ENCODE)
    for keyword in ("user", "password", "dbname"):
        if match[keyword]:
            yield keyword, _decoded(match[keyword])
    places = [_PLACE.fullmatch(place) for place in match["places"].split(",")]
    if None in places:
        raise _UnreadableError("its host or port cannot be read", f"write {_FORM}; {_ENCODE}")
    yield "host", ",".join(_decoded(place["host"].strip("[]")) for place in places if place)
    yield "port", ",".join(place["port"] or "" for place in places if place)
    for pair in match["options"].split("&") if match["options"] else ():
        keyword, separator, value = pair.partition("=")
        if not separator or "=" in value:
            raise _UnreadableError("one of its options is not written as keyword=value", _ENCODE)
        if (keyword, value) == ("ssl", "true"):
            keyword, value = "sslmode", "require"
        yield _decoded(keyword), _decoded(value)


def _of_pairs(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        match = _PAIR.match(text, place)
        if match is None:
            raise _UnreadableError(
                "a part of it is not written as keyword=value, or a quote is not closed",
                "write host=… user=… password='…' dbname=…, with \\' and \\\\ between the quotes",
            )
        value = match[3] if match[2] is None else match[2]
        yield match[1], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        place = match.end()


def _require_sense(parts: dict[str, str]) -> None:
    """Raise _UnreadableError for parts that libpq could not use: its own error would quote them."""
    if not parts.keys() <= OPTIONS:
        raise _UnreadableError("it has an option that Postgres does not know", _ENCODE)
    hosts = [host for key in ("host", "hostaddr") for host in parts.get(key, "").split(",")]
    if not all(map(_HOST.fullmatch, hosts)):
        raise _UnreadableError("its host is not a valid host name", f"write {_FORM}; {_ENCODE}")
    ports = [port for port in parts.get("port", "").split(",") if port]
    if not all(re.fullmatch("[0-9]{1,5}", port) and int(port) in _PORTS for port in ports):
        raise _UnreadableError(
            "its port is not a number from 1 to 65535", f"write {_FORM}; {_ENCODE}"
        )
    if any(mark in parts.get("dbname", "") for mark in ("://", "@", "=")):
        raise _UnreadableError("its database is not a valid name", f"write {_FORM}")


def places(hosts: str, ports: str) -> list[tuple[str, str]]:
    """Return host and port of each place, from lists as libpq has them: one port is that of all.

    A host or a port that is left out is ''.
    """
    each, of_each = hosts.split(","), ports.split(",")
    of_each = of_each * len(each) if len(of_each) == 1 else of_each
    return [*zip(each, of_each, strict=False)]


def host_in_url(host: str) -> str:
    """Return a host as a URL has it: IPv6 in brackets, this machine by its name."""
    return f"[{host}]" if ":" in host else host or "localhost"


def _shown(parts: dict[str, str]) -> str:
    hosts = parts.get("host") or parts.get("hostaddr", "")
    shown = (
        f"{host_in_url(host)}{':' if port else ''}{port}"
        for host, port in places(hosts, parts.get("port", ""))
    )
    database = parts.get("dbname", "")
    return f"{','.join(shown)}/{database if _DATABASE.fullmatch(database) else ''}"


def _decoded(text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})|%00", text):
        raise _UnreadableError(
            "it holds a % that does not begin a percent-encoded character", _ENCODE
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _UnreadableError("a percent-encoded character is not UTF-8", _ENCODE) from None


def _begin(text: str) -> str:
    """Return what to do about an address that does not begin with postgresql://."""
    if text[:1] in "\"'`":
        return "write it without the quotes"
    if text.startswith("jdbc:"):
        return f"that is an address for Java; write {_FORM}"
    return f"write {_FORM}, and nothing before or after it"
