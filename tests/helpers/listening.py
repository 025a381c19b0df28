"""A front of an HTTP server that passes everything on, and keeps the heads of what was asked."""

import re
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_HEAD = re.compile(rb"(PUT|POST) (\S+) HTTP/1\.1\r\n((?:[^\r\n]+\r\n)+)\r\n")


@dataclass
class Heard:
    """What clients said, by connection."""

    url: str
    said: list[bytearray] = field(default_factory=list)

    def writes(self):
        """The headers, in small letters, of each request that makes a file of an S3 server."""
        for said in self.said:
            for method, path, lines in _HEAD.findall(bytes(said)):
                asked = path.partition(b"?")[2]
                if (method == b"PUT" and b"partNumber" not in asked) or asked == b"uploads":
                    pairs = (line.partition(b": ") for line in lines.splitlines())
                    yield {name.decode().lower(): value.decode() for name, _, value in pairs}


@contextmanager
def listening(port):
    """Pass on to a port of this machine; what was heard can be looked at afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard = Heard(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, port, heard), daemon=True).start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener, port, heard):
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            heard.said.append(bytearray())
            for ends in ((client, server, heard.said[-1]), (server, client, bytearray())):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(source, target, said):
    with suppress(OSError):
        while data := source.recv(1 << 16):
            said += data
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
