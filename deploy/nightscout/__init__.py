"""A real Nightscout on this machine, for tests to read; its MongoDB is FerretDB over Postgres."""

from __future__ import annotations

import socket
import urllib.request
from functools import partial
from hashlib import sha1
from pathlib import Path

from deploy import stack
from deploy.nightscout.install import SOURCES, installed, missing
from deploy.servers import Place, Server, postgres, postgres_url

__all__ = ["missing", "start"]

_SOCKET = "mongo.sock"
"""Seen from the folder, as names of sockets are short; nobody else may enter that."""


def start(folder: Path) -> dict[str, str]:
    """Start a Nightscout that lets nobody read without a credential; the variables to export.

    `deploy.stack.stop` stops it. Raises SystemExit if it cannot be had, or does not answer.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return stack.start_servers(folder, _stages, _variables)


def _stages(place: Place) -> list[list[Server]]:
    server, program = installed(place.servers)
    return [[postgres(place)], [_mongo(place, program)], [_nightscout(place, server)]]


def _variables(place: Place) -> dict[str, str]:
    return {
        "NIGHTSCOUT_URL": place.url(place.ports.nightscout),
        "NIGHTSCOUT_API_SECRET": place.secrets["nightscout"],
    }


def _mongo(place: Place, program: Path) -> Server:
    path = place.folder / _SOCKET
    if not _is_open(path):
        path.unlink(missing_ok=True)  # of one that was killed
    environment = {"POSTGRES_URL": postgres_url(place)}
    command = [str(program), _SOCKET]
    return Server("mongo", command, partial(_is_open, path), place.folder, environment)


def _nightscout(place: Place, server: Path) -> Server:
    url, secret = place.url(place.ports.nightscout), place.secrets["nightscout"]
    environment = {
        "HOSTNAME": "127.0.0.1",
        "PORT": str(place.ports.nightscout),
        "STORAGE_URI": f"mongodb://.%2F{_SOCKET}/nightscout",
        "API_SECRET": secret,
        "AUTH_DEFAULT_ROLES": "denied",
        "INSECURE_USE_HTTP": "true",
        "NODE_ENV": "production",
    }
    command = ["node", "--require", str(SOURCES / "node_version.js"), str(server)]
    ready = partial(_has_booted, url, secret)
    return Server("nightscout", command, ready, place.folder, environment)


def _is_open(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _has_booted(url: str, secret: str) -> bool:
    digest = sha1(secret.encode(), usedforsecurity=False).hexdigest()
    request = urllib.request.Request(f"{url}/api/v1/status.json", headers={"api-secret": digest})
    try:
        urllib.request.urlopen(request, timeout=5).close()
    except OSError:
        return False
    return True
