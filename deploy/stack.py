"""Starting and stopping servers: what was started is written down, and only that is stopped."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path

import psutil

from deploy.servers import LANGUAGE, Place, Server, all_servers, postgres_url
from deploy.settings import REGION, USER, WAREHOUSE, Ports

ROOT = Path(__file__).parent.parent / ".stack"
"""Git ignores it."""
_SECRETS = (
    *("s3", "postgres", "nightscout", "superset"),
    *("trino", "reader", "internal", "issuer"),  # of a stack that asks who is there
)
_PATIENCE = 120.0
"""Seconds after which a server that does not answer is given up."""


def start(folder: Path) -> dict[str, str]:
    """Start the stack; the variables to export."""
    return start_servers(folder, lambda place: [all_servers(place)], environment)


def start_servers(
    folder: Path,
    stages: Callable[[Place], Sequence[Sequence[Server]]],
    variables_of: Callable[[Place], dict[str, str]],
) -> dict[str, str]:
    """Start what is not running yet, and wait until all answer; the variables to export.

    The servers of a stage start at the same time, after those of the stage before answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    running = _running(folder)
    place = _place(folder, keep_ports=bool(running))
    for servers in stages(place):
        for server in servers:
            if server.name not in running:
                running[server.name] = _launch(folder, server)
                _write(folder / "pids.json", {name: _mark(each) for name, each in running.items()})
        for server in servers:
            _wait(folder, server, running[server.name])
    variables = variables_of(place)
    lines = [f"export {name}='{value}'\n" for name, value in variables.items()]
    _private(folder / "env", "".join(lines))
    return variables


def stop(folder: Path) -> list[str]:
    """Stop exactly what was started; the names of what was running."""
    running = _running(folder)
    for name, process in running.items():
        with suppress(psutil.NoSuchProcess):
            # To Postgres the usual signal means: wait until everyone has left.
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    _, left = psutil.wait_procs(running.values(), timeout=20)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left)
    (folder / "pids.json").unlink(missing_ok=True)
    return list(running)


def processes(folder: Path) -> dict[str, psutil.Process]:
    """The running servers of the stack in this folder, by name."""
    return _running(folder)


def environment(place: Place) -> dict[str, str]:
    """The variables that make the project use this stack."""
    ports = place.ports
    return {
        "LAKEHOUSE_PROFILE": "production",
        "LAKEHOUSE_NESSIE_URL": place.url(ports.nessie),
        "LAKEHOUSE_TRINO_URL": place.url(ports.trino),
        "LAKEHOUSE_S3_ENDPOINT": ports.s3_url,
        "LAKEHOUSE_WAREHOUSE": WAREHOUSE,
        "LAKEHOUSE_POSTGRES_URL": postgres_url(place),
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": place.secrets["s3"],
        "AWS_REGION": REGION,
    }


def _place(folder: Path, *, keep_ports: bool) -> Place:
    """The stack's place; ports that others took meanwhile are replaced."""
    path = folder / "stack.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    passwords = {name: secrets.token_urlsafe(18) for name in _SECRETS}
    passwords |= known.get("secrets", {})
    ports = Ports(**known.get("ports", {}))
    if not keep_ports:
        ports = Ports(**{each.name: _free(getattr(ports, each.name)) for each in fields(ports)})
    _write(path, {"ports": asdict(ports), "secrets": passwords})
    return Place(folder, ROOT / "servers", ports, passwords)


def _free(port: int) -> int:
    """The port, or another one if it is taken."""
    for each in (port, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", each))
            return int(probe.getsockname()[1])
    return sys.exit("no port of this machine is free")


def _launch(folder: Path, server: Server) -> psutil.Process:
    with _log(folder, server).open("ab") as log:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=server.folder,
            env={**os.environ, **LANGUAGE, **server.environment},
            user=server.user[0] if server.user else None,
            group=server.user[1] if server.user else None,
            extra_groups=[] if server.user else None,
            start_new_session=True,  # Ctrl-C here is not meant for it
        )
    process.returncode = 0  # it outlives this process, which shall not complain of that
    return psutil.Process(process.pid)


def _wait(folder: Path, server: Server, process: psutil.Process) -> None:
    end = time.monotonic() + _PATIENCE
    while not server.is_ready():
        gone = not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        if gone or time.monotonic() > end:
            problem = "has ended" if gone else "does not answer"
            sys.exit(f"{server.name} {problem}; see {_log(folder, server)}")
        time.sleep(0.1)


def _log(folder: Path, server: Server) -> Path:
    path = folder / "log" / f"{server.name}.log"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)  # Nightscout writes the digest of its secret there
    return path


def _running(folder: Path) -> dict[str, psutil.Process]:
    """What was started and still runs; a pid that another process has by now is not it."""
    path = folder / "pids.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    found = {}
    for name, (pid, since) in known.items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.create_time() == since and process.status() != psutil.STATUS_ZOMBIE:
                found[name] = process
    return found


def _mark(process: psutil.Process) -> tuple[int, float]:
    return process.pid, process.create_time()


def _write(path: Path, document: object) -> None:
    _private(path, json.dumps(document, indent=1))


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
