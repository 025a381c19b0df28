"""An authority of our own, and servers on this machine that show certificates."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from loopback import Answer, Scripted


class Authority:
    """A folder with an authority of our own, and certificates that it or nobody has signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ours -keyout ca.key -out ca.pem"
        )

    @property
    def file(self) -> str:
        return str(self.folder / "ca.pem")

    def certificate(self, name: str = "IP:127.0.0.1", days: int = 2) -> Path:
        """A certificate of a name, valid for so many days, with its key."""
        (self.folder / "names").write_text(f"subjectAltName={name}")
        self._openssl("req -newkey rsa:2048 -nodes -subj /CN=server -keyout key.pem -out asked.pem")
        self._openssl(
            f"x509 -req -in asked.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days {days}"
            " -extfile names -out signed.pem"
        )
        return self._with_key("signed.pem")

    def signed_by_itself(self) -> Path:
        self._openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server"
            " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out own.pem"
        )
        return self._with_key("own.pem")

    def _with_key(self, name: str) -> Path:
        both = self.folder / f"with-key-{name}"
        both.write_text((self.folder / name).read_text() + (self.folder / "key.pem").read_text())
        return both

    def _openssl(self, command: str) -> None:
        try:
            subprocess.run(
                ["openssl", *command.split()], check=True, capture_output=True, cwd=self.folder
            )
        except FileNotFoundError:
            pytest.skip("openssl is not installed")


@contextmanager
def serving(certificate: Path, answer: Answer) -> Iterator[str]:
    """The address of a server that shows a certificate."""
    with scripted(certificate, answer) as server:
        yield server.url


@contextmanager
def scripted(certificate: Path, *answers: Answer, clients: str = "") -> Iterator[Encrypted]:
    """A server that shows a certificate, and asks for one of an authority in the file `clients`."""
    with Encrypted(*answers) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if clients:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        listening: ThreadingHTTPServer = server._server
        listening.handle_error = lambda *_: None  # type: ignore[method-assign]
        listening.socket = context.wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
        yield server


class Encrypted(Scripted):
    """A server of HTTPS."""

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")
