"""The embedded Postgres on a port, for tools that cannot use its Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from lakehouse import postgres
from lakehouse.config import Settings
from lakehouse.errors import PublishError


def listen(settings: Settings, port: int, ready: Callable[[str], None]) -> None:
    """Serve the embedded Postgres on loopback TCP until Ctrl-C.

    What arrives on the port is passed on to its socket. `ready` is given the address to connect to.
    Raises PublishError if another Postgres is configured, or the port cannot be used.
    """
    if settings.postgres_url is not None:
        raise PublishError(
            "LAKEHOUSE_POSTGRES_URL is set: marts are published there",
            hint="unset it to use the embedded Postgres",
        )
    with postgres.serving(settings) as address:
        try:
            asyncio.run(_forward(postgres.socket(address), port, ready))
        except OSError as error:
            raise PublishError(
                f"port {port} on 127.0.0.1 cannot be used: {error.strerror}",
                hint="choose another with --port",
            ) from None


async def _forward(socket: str, port: int, ready: Callable[[str], None]) -> None:
    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    ready(f"postgresql://postgres@127.0.0.1:{port}/postgres")
    async with server:
        await server.serve_forever()
