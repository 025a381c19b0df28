"""The embedded PostgreSQL: a server of the wheel's binaries that lives while somebody uses it.

Who uses it holds a shared lock, which the system lets go of when the process ends, however it
does: the last one out stops the server, and one that was killed never keeps it alive. Nothing
listens on the network; the server answers on a Unix socket in the folder of its data, that only its
user enters, and asks there for a password.

Its programs stand in that folder and know it as the one they stand in, not by its path: any path
will do, and they need not be let in by the folders above, which are other people's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote

from lakehouse import storage
from lakehouse.errors import PublishError
from lakehouse.postgres import programs, roles

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
"""How data is set up; who is let in is up to `roles`."""
_START = "-c listen_addresses='' -c unix_socket_directories=."
_ALONE = ("-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "postgres")
"""How Postgres is run for a few statements, before it serves anybody."""
_CLIENTS = (
    "port=5432&hostaddr=&options=&sslmode=disable&gssencmode=disable&channel_binding=disable"
    "&requirepeer=&client_encoding=utf8&connect_timeout=20&target_session_attrs=any&password="
)
"""What clients would take from the environment otherwise (PGPORT), where it is about others."""
_LONGEST_SOCKET = 100
"""Bytes of a path that the system takes for a socket, with a margin."""
_RULES = "pg_hba.conf"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_LOG = 1_000_000
"""Bytes of a log: a kilobyte for each run, as each starts the server and stops it."""
_LINE_OF_SOCKET, _LINE_OF_STATUS = 4, 7
"""The lines of postmaster.pid that name the folder of the socket, and say `ready` in the end."""


@dataclass(frozen=True)
class Server:
    """The server whose data is in `folder`; `locks` is a folder for its two lock files.

    Beside `folder` lies a file with the passwords of its roles.
    """

    folder: Path
    locks: Path

    @property
    def is_set_up(self) -> bool:
        """Whether it has data."""
        return self._version.exists()

    @property
    def identity(self) -> str:
        """When its data was made, which is never written again; empty before that."""
        return str(self._version.stat().st_mtime_ns) if self.is_set_up else ""

    @property
    def _version(self) -> Path:
        return self.folder / "PG_VERSION"

    @property
    def passfile(self) -> Path:
        """The passwords of its roles, for libpq and for nobody but the home's owner."""
        return self.folder.with_name("pgpass")

    @contextmanager
    def serving(self, role: str = roles.OWNER) -> Iterator[str]:
        """Its connection string for a role, as long as it is used; there is no password in it.

        Raises PublishError.
        """
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            (self.locks / "postgres.users").open("w") as users,
            _short(self.folder) as place,
        ):
            with self._alone():
                self._set_up()
                self._guard_old_data(users, place)
                self._shorten_log()
                folder = self._start(place)
                fcntl.flock(users, fcntl.LOCK_SH)
            try:
                paths = (os.fsencode(path) for path in (folder, self.passfile))
                host, passfile = (quote(path, safe="/") for path in paths)
                yield f"postgresql://{role}@/postgres?host={host}&{_CLIENTS}&passfile={passfile}"
            finally:
                with self._alone(), suppress(BlockingIOError):  # raised if others use it still
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._stop(place)

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
        user, group = self._owner
        if user != os.geteuid():
            os.chown(new, user, group)
        with programs.for_set_up(self._programs, user) as installed:
            said = self._execute(installed / "bin/initdb", *_NEW, standing_in=new)
        if said:
            raise PublishError(
                f"the embedded Postgres cannot be set up in {self.folder}: {_reason(said)}",
                hint="is there space, and may you write there? or set LAKEHOUSE_POSTGRES_URL",
            )
        self._guard(new)
        new.rename(self.folder)
        storage.sync_folders([self.folder.parent])

    def _guard_old_data(self, users: IO[str], place: Path) -> None:
        """See to it that nobody is let in without a password, whoever set the data up."""
        rules = self.folder / _RULES
        if self.passfile.exists() and rules.exists() and rules.read_text() == roles.RULES:
            return
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PublishError(
                f"the embedded Postgres in {self.folder} is used by another process, and lets"
                " everybody in or has lost its passwords",
                hint="end what uses it, such as `lakehouse postgres` or `schedule`, and try again",
            ) from None
        self._stop(place)  # its user was killed
        self._guard(self.folder)

    def _guard(self, data: Path) -> None:
        """Give the roles new passwords, and the server the rules that ask for them."""
        self.passfile.unlink(missing_ok=True)  # until the passwords are those of the server
        rules, new = data / _RULES, data / f"{_RULES}.new"
        storage.write(new, roles.RULES)
        user, group = self._owner
        if user != os.geteuid():
            os.chown(new, user, group)
        new.replace(rules)
        passwords = roles.new_passwords()
        asked = roles.statements(passwords)
        with programs.for_set_up(self._programs, user) as installed:
            program = installed / "bin/postgres"
            if self._execute(program, "--single", *_ALONE, standing_in=data, asked=asked):
                raise PublishError(
                    f"the roles of the embedded Postgres in {self.folder} cannot be made",
                    hint="is there space? or set LAKEHOUSE_POSTGRES_URL",
                )
        storage.write(self.passfile, roles.passfile(passwords))

    def _shorten_log(self) -> None:
        """Begin a new log where the present one is long; the one before that goes."""
        log = self.folder / "log"
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            log.replace(log.with_name("log.before"))

    def _start(self, place: Path) -> Path:
        """Start the server unless it answers already; the folder of its socket.

        One whose user was killed may be starting or stopping just now: it is asked again.
        """
        until = time.monotonic() + _PATIENCE
        while True:
            running = self._answering(place)
            if running is not None:
                return running
            if not self._noted():  # Postgres refuses to start beside a damaged note of itself
                with suppress(OSError):
                    self._notes.unlink()
            program = self._programs / "bin/pg_ctl"
            options = ("start", "--wait", "--log=log", f"--options={_START}")
            said = self._execute(program, *options, standing_in=self.folder)
            if not said:
                return place
            if time.monotonic() > until:
                raise PublishError(
                    f"the embedded Postgres in {self.folder} does not start: {said}",
                    hint=f"see {self.folder / 'log'}; if {self.folder} is damaged, delete it:"
                    " `lakehouse publish` brings all marts back",
                )
            time.sleep(_PAUSE)

    def _stop(self, place: Path) -> None:
        noted = self._noted()
        folder = _socket_of(noted, place)
        if folder is not None and _is_served(folder):
            with suppress(ProcessLookupError):
                # As `pg_ctl stop --mode=fast` does, but that takes longer than the server to end.
                os.kill(int(noted[0]), signal.SIGINT)
            until = time.monotonic() + _PATIENCE
            while self._noted() and time.monotonic() < until:
                time.sleep(_MOMENT)
        programs.remove_copy(self._copy)

    def _noted(self) -> list[str]:
        """What a server that seems to run notes about itself, its process first."""
        try:
            noted = self._notes.read_text().splitlines()
            return noted if noted[0].isdecimal() else []
        except (OSError, ValueError, IndexError):  # none, or one that a power cut left damaged
            return []

    def _answering(self, place: Path) -> Path | None:
        """The folder of the socket of the server, if it takes questions."""
        noted = self._noted()
        folder = _socket_of(noted, place)
        ready = len(noted) > _LINE_OF_STATUS and noted[_LINE_OF_STATUS].strip() == "ready"
        return folder if ready and folder is not None and _is_served(folder) else None

    @property
    def _notes(self) -> Path:
        return self.folder / "postmaster.pid"

    def _execute(
        self, program: Path, first: str, *arguments: str, standing_in: Path, asked: str = ""
    ) -> str:
        """Run a program over the data it stands in, as its user; what it said if it failed.

        `asked` is what it reads.
        """
        user, group = self._owner
        as_another = user != os.geteuid()
        # To a file: of a pipe, the server would keep the other end.
        with tempfile.TemporaryFile("w+", dir=self.locks, errors="replace") as said:
            try:
                done = subprocess.run(  # noqa: S603 - programs of a package, no shell
                    [program, first, "-D", programs.here(standing_in), *arguments],
                    input=asked,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    text=True,
                    cwd=standing_in,
                    env=_ENVIRONMENT,
                    check=False,
                    start_new_session=True,  # Ctrl-C is for us; the server is stopped in good order
                    user=user if as_another else None,
                    group=group if as_another else None,
                    extra_groups=[] if as_another else None,
                )
            except OSError as error:
                return str(error)
            said.seek(0)
            return (said.read().strip() or "failed") if done.returncode else ""

    @cached_property
    def _owner(self) -> tuple[int, int]:
        """The user and the group that the server runs as."""
        return programs.owner(self.folder)

    @cached_property
    def _programs(self) -> Path:
        """The folder of the programs, where the server's user can run them."""
        return programs.find() if self._owner[0] == os.geteuid() else programs.shared(self._copy)

    @property
    def _copy(self) -> Path:
        """Leads to a copy of the programs, if there is one: they lie in a folder of root's."""
        return self.locks / "postgres.programs"


def _socket_of(noted: list[str], place: Path) -> Path | None:
    """The folder of the socket of a server with data in `place` that noted this about itself."""
    named = noted[_LINE_OF_SOCKET] if len(noted) > _LINE_OF_SOCKET else ""
    return place / named if named else None


def _is_served(folder: Path) -> bool:
    """Whether a server listens on the socket; what a killed one noted may be another's by now."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(folder / _SOCKET)) == 0


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """A path of a folder that does for a socket: not too long, nor with what separates servers."""
    if _does_for_a_socket(folder):
        yield folder
        return
    usual = Path(tempfile.gettempdir())
    fits = _does_for_a_socket(usual / "lakehouse-xxxxxxxx/data")
    with tempfile.TemporaryDirectory(prefix="lakehouse-", dir=usual if fits else "/tmp") as short:  # noqa: S108
        link = Path(short) / "data"
        link.symlink_to(folder)
        yield link


def _does_for_a_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET and "," not in str(folder)


def _reason(said: str) -> str:
    """The line of what a program said that tells why; the last one if none does."""
    lines = said.splitlines()
    return next((line for line in lines if "error:" in line or "FATAL:" in line), lines[-1])
