"""A pooler in front of Postgres: each transaction gets another of its few sessions, as it comes."""

import queue
import socket
import struct
import threading
from contextlib import contextmanager, suppress

import psycopg

_ENCRYPTION = {80877103, 80877104}
"""Codes of the requests for TLS and GSS, which it declines."""
_PARAMETERS = {
    "server_version": "18.0",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}


@contextmanager
def pooling(address, sessions=5):
    """Yield an address whose transactions are spread over some sessions of that server."""
    connections = [psycopg.connect(address, autocommit=True) for _ in range(sessions)]
    for connection in connections:  # a session that waits for another for ever fails
        connection.execute("SET lock_timeout = '10s'")
    free = queue.Queue()
    for connection in connections:
        server = socket.socket(fileno=connection.pgconn.socket)
        server.setblocking(True)
        free.put(server)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, free), daemon=True).start()
        name = connections[0].info.dbname
        yield f"postgresql://postgres@127.0.0.1:{listener.getsockname()[1]}/{name}?sslmode=disable"
        listener.shutdown(socket.SHUT_RDWR)
    while not free.empty():
        free.get().detach()
    for connection in connections:
        connection.close()


def _accept(listener, free):
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, free), daemon=True).start()


def _serve(client, free):
    """Relay the messages of a client, each transaction's to a session of its own."""
    with client, suppress(EOFError, OSError):
        _welcome(client)
        while True:
            message = _message(client)
            if message[:1] == b"X":
                return
            server = free.get()
            try:
                _relay(client, server, message)
            finally:
                free.put(server)


def _relay(client, server, message):
    server.sendall(message)
    ended = threading.Event()

    def back():
        while not ended.is_set():
            answer = _message(server)
            if answer[:1] == b"Z" and answer[-1:] == b"I":
                ended.set()
            client.sendall(answer)

    answers = threading.Thread(target=back, daemon=True)
    answers.start()
    while not ended.is_set():
        client.settimeout(0.01)
        with suppress(TimeoutError):
            if client.recv(1, socket.MSG_PEEK):
                client.settimeout(None)
                if ended.is_set():
                    break
                server.sendall(_message(client))
    client.settimeout(None)
    answers.join()


def _welcome(client):
    while True:
        (length,) = struct.unpack("!i", _exactly(client, 4))
        (code,) = struct.unpack("!i", _exactly(client, length - 4)[:4])
        if code not in _ENCRYPTION:
            break
        client.sendall(b"N")
    client.sendall(_packed(b"R", struct.pack("!i", 0)))
    for name, value in _PARAMETERS.items():
        client.sendall(_packed(b"S", f"{name}\0{value}\0".encode()))
    client.sendall(_packed(b"K", struct.pack("!ii", 1, 1)) + _packed(b"Z", b"I"))


def _packed(kind, content):
    return kind + struct.pack("!i", len(content) + 4) + content


def _message(source):
    head = _exactly(source, 5)
    return head + _exactly(source, struct.unpack("!i", head[1:])[0] - 4)


def _exactly(source, length):
    found = b""
    while len(found) < length:
        more = source.recv(length - len(found))
        if not more:
            raise EOFError
        found += more
    return found
