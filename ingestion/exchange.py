"""Exchanges with a server that end at a deadline, whatever the server sends and however slowly.

The timeout of the HTTP libraries limits each pause only, so a server that sends a byte now and then
keeps them waiting: in the handshake, a status line, a header, the size of a chunk. Here a timer
cuts the connection at the deadline, and a read that waits sees the connection end.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError


class Exchanges:
    """The exchanges of some threads, which can be cut at once: none goes on or begins after that.

    Any thread may cut them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[Exchange] = set()
        self._are_cut = False

    def add(self, exchange: Exchange) -> None:
        """Note an exchange that begins, and cut it if all others were."""
        with self._lock:
            self._under_way.add(exchange)
            are_cut = self._are_cut
        if are_cut:
            exchange.cut()

    def remove(self, exchange: Exchange) -> None:
        """Forget an exchange that has ended."""
        with self._lock:
            self._under_way.discard(exchange)

    def cut(self) -> None:
        """End every exchange now, as if its deadline had passed."""
        with self._lock:
            self._are_cut = True
            under_way = [*self._under_way]
        for exchange in under_way:
            exchange.cut()


class Exchange:
    """A request and its answer with a deadline, from the look-up of the host to the last byte.

    Within `with`, it governs the connections of a `BoundedAdapter` that the same thread uses. It is
    one of `among`, which may end it before its deadline.
    """

    def __init__(self, seconds: float, among: Exchanges) -> None:
        self._until = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._connected_or_over = threading.Event()
        self._among = among

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self._among.add(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
        self._among.remove(self)
        self._timer.cancel()
        self._timer.join()
        self._keep(None)

    def cut(self) -> None:
        """End the exchange now, as if its deadline had passed."""
        self._until = 0.0
        self._end()

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; 0 after it."""
        return max(0.0, self._until - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed, so that the answer that was read may be cut."""
        return self.seconds_left == 0

    def use(self, connection: socket.socket) -> None:
        """Cut this connection at the deadline, or at once if that has passed."""
        # A duplicate handle: the connection object is replaced by one for TLS, and is closed before
        # its last answer has been read.
        self._keep(socket.socket(fileno=os.dup(connection.fileno())))
        if self.is_over:
            self._end()

    def wait_for(self, connected: Future[socket.socket]) -> socket.socket:
        """Return a connection once it is made. Raises TimeoutError at the deadline."""
        connected.add_done_callback(lambda _: self._connected_or_over.set())
        self._connected_or_over.wait(self.seconds_left)
        return connected.result(0)

    def _keep(self, handle: socket.socket | None) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = handle

    def _end(self) -> None:
        self._connected_or_over.set()
        with self._lock, suppress(OSError):  # the server may have closed it
            if self._handle is not None:
                self._handle.shutdown(socket.SHUT_RDWR)


_current: ContextVar[Exchange] = ContextVar("exchange")


class BoundedAdapter(HTTPAdapter):
    """Adapter whose connections an `Exchange` can cut; use it inside one."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # those have connection classes of their own
            manager.pool_classes_by_scheme = _POOLS
        return manager


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        """Look up the name and connect, in a thread, as neither can be interrupted."""
        exchange, connected = _current.get(), Future[socket.socket]()

        def connect() -> None:
            try:
                connected.set_result(super(_Connection, self)._new_conn())
            except BaseException as error:  # noqa: BLE001 - raised by whoever waits for it
                connected.set_exception(error)

        threading.Thread(target=connect, daemon=True).start()
        try:
            opened = exchange.wait_for(connected)
        except TimeoutError:
            connected.add_done_callback(_discard)
            raise ConnectTimeoutError(self, "no connection before the deadline") from None
        exchange.use(opened)
        return opened

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send a request, also on a connection that an earlier exchange has opened."""
        if self.sock is not None:
            _current.get().use(self.sock)
        super().request(*arguments, **options)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


def _discard(connected: Future[socket.socket]) -> None:
    """Close a connection that was made after the deadline."""
    if connected.exception() is None:
        connected.result().close()
