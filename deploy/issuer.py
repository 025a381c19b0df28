"""A small issuer of tokens: it gives clients of OAuth2 signed tokens of a short life.

`python -m deploy.issuer FOLDER` reads `issuer.json` there: its port, its clients with their
secrets, and seconds that a token lives. Keys and certificates lie in the folder `tls` beside it.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

ISSUER = "https://issuer.lakehouse.test"


def token(tls: Path, subject: str, seconds: int) -> str:
    """Return a JWT, signed by RS256, that names a user or a client (RFC 7519)."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": subject, "iat": now, "exp": now + seconds}
    parts = [
        _encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims)
    ]
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(tls / "issuer.key")],
        input=".".join(parts).encode(),
        capture_output=True,
        check=True,
    )
    return ".".join([*parts, _encoded(signed.stdout)])


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    configuration: Mapping[str, Any]

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = {
            name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()
        }
        client, seconds = form.get("client_id", ""), self.configuration["seconds"]
        secret = self.configuration["clients"].get(client)
        if form.get("grant_type") != "client_credentials":
            self._send(400, {"error": "unsupported_grant_type"})
        elif secret is None or secret != form.get("client_secret"):
            self._send(401, {"error": "invalid_client"})
        else:
            given = token(self.folder / "tls", client, seconds)
            self._send(200, {"access_token": given, "token_type": "bearer", "expires_in": seconds})

    def do_GET(self) -> None:
        self._send(404, {"error": "not_found"})

    def _send(self, status: int, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(folder: Path) -> None:
    """Serve until the process ends."""
    configuration = json.loads((folder / "issuer.json").read_text())
    _Handler.folder, _Handler.configuration = folder, configuration
    server = ThreadingHTTPServer(("127.0.0.1", configuration["port"]), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls/server.pem")
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
