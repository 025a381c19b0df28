"""The embedded Postgres on a TCP port, for tools that cannot use its Unix socket.

What arrives on the port goes to the socket unchanged, so Postgres itself asks for the password. The
only password that is shown is that of the role that reads the marts.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

from lakehouse import postgres
from lakehouse.addresses import Address
from lakehouse.config import Settings
from lakehouse.errors import PublishError

_HOST = "127.0.0.1"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def listen(settings: Settings, port: int, ready: Callable[[str, Path], None]) -> None:
    """Serve the embedded Postgres on loopback TCP until Ctrl-C, SIGTERM or SIGHUP.

    `ready` is called with the address to connect to, which holds the password of a role that only
    reads, and with the password file for libpq. Raises PublishError if another Postgres is
    configured, the port cannot be used, or Postgres ends.
    """
    if settings.postgres_url is not None:
        raise PublishError(
            "LAKEHOUSE_POSTGRES_URL is set: marts are published there",
            hint="unset it to use the embedded Postgres",
        )
    with _until_a_signal() as heed_signals, postgres.serving(settings, to_read=True) as address:
        heed_signals()
        role, password, passfile = postgres.reader(settings)
        shown = f"postgresql://{role}:{password}@{_HOST}:{port}/postgres"
        asyncio.run(_forward(address, port, lambda: ready(shown, passfile)))
        raise PublishError(
            f"the embedded Postgres in {address} has ended", hint="its log says why; start it again"
        )


async def _forward(address: Address, port: int, ready: Callable[[], None]) -> None:
    """Forward connections from the port to the socket until the server ends."""
    place, loop, ended = postgres.socket(address), asyncio.get_running_loop(), asyncio.Event()
    try:
        server = await asyncio.start_server(lambda *ends: _pass_on(place, *ends), _HOST, port)
    except OSError as error:
        raise PublishError(
            f"port {port} on {_HOST} cannot be used: {os.strerror(error.errno or 0)}",
            hint="choose another with --port",
        ) from None
    try:
        with postgres.connected(address) as connection:
            # An idle connection becomes readable only when it closes.
            loop.add_reader(connection.fileno(), ended.set)
            ready()
            await ended.wait()
            loop.remove_reader(connection.fileno())
    finally:
        server.close()


async def _pass_on(place: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_unix_connection(place)
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))
    except (OSError, asyncio.CancelledError):
        pass  # the server has ended, or this command has
    finally:
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def _until_a_signal() -> Iterator[Callable[[], object]]:
    """End the block inside at the first signal; signals wait until the yielded function is called.

    So a signal interrupts neither the start nor the stop of the server, and none is left running.
    """

    def end(_: int, __: FrameType | None) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    before = [(number, signal.signal(number, end)) for number in _ENDING]
    try:
        with suppress(KeyboardInterrupt):
            yield partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, _ENDING)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        for number, handler in before:
            signal.signal(number, handler)
