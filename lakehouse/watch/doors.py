"""The servers of a project as addresses to knock at: any answer, also a refusal, is a sign of life.

No password is needed for that, and none is sent.
"""

from __future__ import annotations

import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from lakehouse.addresses import Address
from lakehouse.addresses.postgres import parse, places
from lakehouse.config import Settings

_PORTS = {"http": 80, "https": 443, "postgres": 5432}
_ASK_POSTGRES = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""The question whether it speaks TLS, with which a client of Postgres may begin."""
_OPEN_FILES = Path("/dev/fd")

Peer: TypeAlias = tuple[str, int] | str
"""The other end of a connection: an IP address and a port, or the path of a socket."""


class UnreachableError(Exception):
    """No connection came about in time, so that nothing is known of the server."""


@dataclass(frozen=True)
class Door:
    """A place where a server listens."""

    scheme: str
    """Protocol: 'http', 'https' or 'postgres'."""
    host: str
    """Name or IP address of a host, or the folder of a Unix socket."""
    port: int

    def is_silent(self, patience: float) -> bool:
        """Return whether the server takes the connection, and says nothing for so many seconds.

        A connection that is refused or closed is an answer. Raises UnreachableError.
        """
        try:
            connection = self._connect(patience)
        except TimeoutError:
            raise UnreachableError from None
        except OSError:
            return False
        with connection:
            connection.settimeout(patience)
            try:
                self._ask(connection)
            except TimeoutError:
                return True
            except OSError:
                return False
        return False

    def peers(self) -> set[Peer]:
        """Return the other ends of this process' connections to the server."""
        if self.host.startswith("/"):
            return {self._path}
        with suppress(OSError):
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            return {(str(address[0]), self.port) for *_, address in found}
        return set()

    def _connect(self, patience: float) -> socket.socket:
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, self.port), patience)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(patience)
        try:
            connection.connect(self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def _path(self) -> str:
        return f"{self.host}/.s.PGSQL.{self.port}"

    def _ask(self, connection: socket.socket) -> None:
        """Say the least that the server answers, and wait for a byte of the answer."""
        if self.scheme == "postgres":
            connection.sendall(_ASK_POSTGRES)
            connection.recv(1)
            return
        request = f"HEAD / HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode()
        if self.scheme == "https":
            # Whether it is the right server is for those to find out who tell it something.
            trusting = ssl._create_unverified_context()  # noqa: S323, SLF001
            with trusting.wrap_socket(connection, server_hostname=self.host) as encrypted:
                encrypted.sendall(request)
                encrypted.recv(1)
            return
        connection.sendall(request)
        connection.recv(1)


@dataclass(frozen=True)
class Server:
    """A server of the project, with all places where it listens."""

    name: str
    shown: str
    """Its address, as messages name it."""
    setting: str
    """The variable that its address is set by."""
    doors: tuple[Door, ...]

    def is_silent(self, patience: float) -> bool:
        """Return whether some of its places are silent, and none answers.

        Raises UnreachableError if nothing is known of any.
        """
        unreachable = 0
        for door in self.doors:
            try:
                if not door.is_silent(patience):
                    return False
            except UnreachableError:
                unreachable += 1
        if unreachable == len(self.doors):
            raise UnreachableError
        return True

    def peers(self) -> set[Peer]:
        """Return the other ends of this process' connections to the server."""
        return {peer for door in self.doors for peer in door.peers()}

    def hang_up(self) -> None:
        """Shut down this process' connections to the server: whoever waits there gets an error."""
        peers = self.peers()
        for connection in connections():
            with closing(connection), suppress(OSError):
                if peer_of(connection) in peers:
                    connection.shutdown(socket.SHUT_RDWR)


def servers(settings: Settings) -> list[Server]:
    """Return the servers that a project uses and that others run."""
    return [*_of_production(settings), *_of_postgres(settings.postgres_url)]


def _of_production(settings: Settings) -> Iterator[Server]:
    servers = settings.servers
    if servers is None:
        return
    yield _web("Nessie", servers.nessie_url, "LAKEHOUSE_NESSIE_URL")
    if servers.bucket.endpoint is not None:
        yield _web("S3", servers.bucket.endpoint, "LAKEHOUSE_S3_ENDPOINT")
    if settings.engine == "trino" and servers.trino_url is not None:
        yield _web("Trino", servers.trino_url, "LAKEHOUSE_TRINO_URL")


def _web(name: str, url: str, setting: str) -> Server:
    parts = urlsplit(url)
    door = Door(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
    shown = url.replace(f"{parts.username}@", "", 1) if parts.username else url
    return Server(name, shown, setting, (door,))


def _of_postgres(address: Address | None) -> Iterator[Server]:
    if address is None:
        return
    parts = parse(address.reveal())
    hosts = parts.get("hostaddr") or parts.get("host", "")
    doors = (
        Door("postgres", host or "localhost", int(port or _PORTS["postgres"]))
        for host, port in places(hosts, parts.get("port", ""))
    )
    yield Server("Postgres", address.shown, "LAKEHOUSE_POSTGRES_URL", tuple(doors))


def connections() -> Iterator[socket.socket]:
    """Yield a copy of each socket that this process has open."""
    for place in list(_OPEN_FILES.iterdir()):
        with suppress(OSError):  # it is closed by now
            number = os.dup(int(place.name))
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                yield socket.socket(fileno=number)
            else:
                os.close(number)


def peer_of(connection: socket.socket) -> Peer | None:
    """Return the other end of a connection, if it has one."""
    name = connection.getpeername()
    if isinstance(name, tuple):
        return str(name[0]).removeprefix("::ffff:"), int(name[1])
    return name if isinstance(name, str) else None
