"""A front of a Postgres that asks for TLS: the wheel's server itself is built without."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""A client's question whether TLS is spoken."""


@contextmanager
def encrypting(certificate: Path, server: int) -> Iterator[int]:
    """The port of a front, on IPv4 and IPv6, that passes on to a port of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        work = (listener, context, server)
        threading.Thread(target=_accept, args=work, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, server: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            work = (client, context, server)
            threading.Thread(target=_serve, args=work, daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext, server: int) -> None:
    with client, suppress(OSError):
        if client.recv(8, socket.MSG_WAITALL) != _REQUEST:
            return  # it does not encrypt
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as shown,
            socket.create_connection(("127.0.0.1", server)) as behind,
        ):
            back = threading.Thread(target=_pass_on, args=(behind, shown), daemon=True)
            back.start()
            _pass_on(shown, behind)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(1 << 16):
            target.sendall(content)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
