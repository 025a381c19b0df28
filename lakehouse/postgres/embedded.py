"""The embedded PostgreSQL: a server of the wheel's binaries that runs while somebody uses it.

Each process that uses it holds a shared lock, which the system releases when the process ends, also
when it is killed. The last process that leaves stops the server. Nothing listens on the network:
the server answers on a Unix socket in its data folder, which only its user can enter, and asks for
a password there.

The server's programs run with the data folder as working directory and never use its path. So the
path may hold any characters, and the folders above need not let the server's user in.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote

from lakehouse import storage
from lakehouse.errors import PublishError
from lakehouse.postgres import programs, roles
from lakehouse.postgres.server_notes import notes_file, read_notes, short_path
from lakehouse.system import file_locks

_PATIENCE = 20.0
"""Seconds to wait for the server to start, or to end, before giving up."""
_PAUSE = 0.05
"""Seconds between two looks at a server that starts."""
_MOMENT = 0.003
"""Seconds between two looks at a server that ends."""
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
"""Environment of the programs: no secrets, and no language or time zone of this machine."""
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
"""Options of `initdb`; the module `roles` decides who is let in."""
_START = "-c listen_addresses='' -c unix_socket_directories=."
_ALONE = ("-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "postgres")
"""Options of `postgres` in single-user mode, for statements before the server starts."""
_CLIENTS = (
    "port=5432&hostaddr=&options=&sslmode=disable&gssencmode=disable&channel_binding=disable"
    "&requirepeer=&client_encoding=utf8&connect_timeout=20&target_session_attrs=any&password="
    "&require_auth=!sspi&sslnegotiation=postgres&sslcertmode=disable&sslrootcert=&sslcert=&sslkey="
    "&sslcrl=&sslcrldir=&ssl_min_protocol_version=&ssl_max_protocol_version="
    "&min_protocol_version=3.0&max_protocol_version=latest&load_balance_hosts=disable"
)
"""Options that clients would otherwise take from the environment (PGPORT …), meant for others."""
_RULES = "pg_hba.conf"
_LONGEST_LOG = 1_000_000
"""Bytes of the log before a new one begins; a run adds about a kilobyte."""


@dataclass(frozen=True)
class Server:
    """The server whose data is in `folder`; `locks` is the folder of its two lock files.

    A file with the passwords of its roles lies beside `folder`.
    """

    folder: Path
    locks: Path

    @property
    def is_set_up(self) -> bool:
        """Whether the server has data."""
        return self._version.exists()

    @property
    def identity(self) -> str:
        """The time at which the data was made, which never changes again; empty without data."""
        return str(self._version.stat().st_mtime_ns) if self.is_set_up else ""

    @property
    def _version(self) -> Path:
        return self.folder / "PG_VERSION"

    @property
    def passfile(self) -> Path:
        """The file with the roles' passwords, as libpq reads it; only the home's owner may."""
        return self.folder.with_name("pgpass")

    @contextmanager
    def serving(self, role: str = roles.OWNER) -> Iterator[str]:
        """Start the server, and yield its connection string for a role, without a password.

        The server stops at the end, unless another process uses it. Raises PublishError.
        """
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            (self.locks / "postgres.users").open("w") as users,
            short_path(self.folder) as place,
        ):
            with self._alone():
                self._set_up()
                self._guard_old_data(users, place)
                self._shorten_log()
                folder = self._start(place)
                file_locks.acquire(users, shared=True)
            try:
                paths = (os.fsencode(path) for path in (folder, self.passfile))
                host, passfile = (quote(path, safe="/") for path in paths)
                yield f"postgresql://{role}@/postgres?host={host}&{_CLIENTS}&passfile={passfile}"
            finally:
                with self._alone():
                    if file_locks.try_acquire(users):  # nobody else uses it
                        self._stop(place)

    def _alone(self) -> AbstractContextManager[None]:
        """Let one process at a time set the server up, start it or stop it."""
        return file_locks.locked(self.locks / "postgres.lock")

    def _set_up(self) -> None:
        """Make the data in a temporary folder, and move it into place when it is complete."""
        if self.is_set_up:
            return
        for unfinished in self.folder.parent.glob(f"{self.folder.name}-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        new = self.folder.with_name(f"{self.folder.name}-{uuid.uuid4().hex[:8]}")
        new.mkdir(mode=0o700)
        user, group = self._owner
        if user != os.geteuid():
            os.chown(new, user, group)
        with programs.for_set_up(self._programs, user) as installed:
            problem = self._execute(installed / "bin/initdb", *_NEW, standing_in=new)
        if problem:
            raise PublishError(
                f"the embedded Postgres cannot be set up in {self.folder}: {_reason(problem)}",
                hint="is there space, and may you write there? or set LAKEHOUSE_POSTGRES_URL",
            )
        self._guard(new)
        new.rename(self.folder)
        storage.sync_folders([self.folder.parent])

    def _guard_old_data(self, users: IO[str], place: Path) -> None:
        """Require passwords of everybody, also where an older version set the data up without."""
        rules = self.folder / _RULES
        if self.passfile.exists() and rules.exists() and rules.read_text() == roles.RULES:
            return
        if not file_locks.try_acquire(users):
            raise PublishError(
                f"the embedded Postgres in {self.folder} is used by another process, and lets"
                " everybody in or has lost its passwords",
                hint="end what uses it, such as `lakehouse postgres` or `schedule`, and try again",
            )
        self._stop(place)  # its user was killed
        self._guard(self.folder)

    def _guard(self, data: Path) -> None:
        """Give the roles new passwords, and the server the rules that ask for them."""
        self.passfile.unlink(missing_ok=True)  # it comes back when the server has these passwords
        rules, new = data / _RULES, data / f"{_RULES}.new"
        storage.write(new, roles.RULES)
        user, group = self._owner
        if user != os.geteuid():
            os.chown(new, user, group)
        new.replace(rules)
        passwords = roles.new_passwords()
        sql = roles.statements(passwords)
        with programs.for_set_up(self._programs, user) as installed:
            program = installed / "bin/postgres"
            if self._execute(program, "--single", *_ALONE, standing_in=data, stdin=sql):
                raise PublishError(
                    f"the roles of the embedded Postgres in {self.folder} cannot be made",
                    hint="is there space? or set LAKEHOUSE_POSTGRES_URL",
                )
        storage.write(self.passfile, roles.passfile(passwords))

    def _shorten_log(self) -> None:
        """Begin a new log if the present one is long; the one before it is deleted."""
        log = self.folder / "log"
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            log.replace(log.with_name("log.before"))

    def _start(self, place: Path) -> Path:
        """Start the server unless it answers already, and return the folder of its socket.

        A server whose user was killed may be starting or stopping right now: the start is repeated
        until it succeeds. Raises PublishError when that takes too long.
        """
        until = time.monotonic() + _PATIENCE
        while True:
            notes = read_notes(self.folder)
            answering = notes.socket(place) if notes and notes.is_ready else None
            if answering is not None:
                return answering
            if notes is None:  # Postgres refuses to start beside a damaged note
                with suppress(OSError):
                    notes_file(self.folder).unlink()
            program = self._programs / "bin/pg_ctl"
            options = ("start", "--wait", "--log=log", f"--options={_START}")
            problem = self._execute(program, *options, standing_in=self.folder)
            if not problem:
                return place
            if time.monotonic() > until:
                raise PublishError(
                    f"the embedded Postgres in {self.folder} does not start: {problem}",
                    hint=f"see {self.folder / 'log'}; if {self.folder} is damaged, delete it:"
                    " `lakehouse publish` brings all marts back",
                )
            time.sleep(_PAUSE)

    def _stop(self, place: Path) -> None:
        notes = read_notes(self.folder)
        if notes is not None and notes.socket(place) is not None:
            with suppress(ProcessLookupError):
                # As `pg_ctl stop --mode=fast` does, but that takes longer than the server to end.
                os.kill(notes.process, signal.SIGINT)
            until = time.monotonic() + _PATIENCE
            while read_notes(self.folder) is not None and time.monotonic() < until:
                time.sleep(_MOMENT)
        programs.remove_copy(self._copy)

    def _execute(
        self, program: Path, first: str, *arguments: str, standing_in: Path, stdin: str = ""
    ) -> str:
        """Run a program as the server's user, in the data folder `standing_in`.

        Return what the program printed if it failed; empty if it succeeded.
        """
        user, group = self._owner
        as_another = user != os.geteuid()
        # A file takes the output: the server would keep the other end of a pipe open.
        with tempfile.TemporaryFile("w+", dir=self.locks, errors="replace") as output:
            try:
                done = subprocess.run(  # noqa: S603 - programs of a package, no shell
                    [program, first, "-D", programs.here(standing_in), *arguments],
                    input=stdin,
                    stdout=output,
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
            output.seek(0)
            return (output.read().strip() or "failed") if done.returncode else ""

    @cached_property
    def _owner(self) -> tuple[int, int]:
        """The user and the group that the server runs as."""
        return programs.owner(self.folder)

    @cached_property
    def _programs(self) -> Path:
        """A folder of PostgreSQL's programs that the server's user can run."""
        return programs.find() if self._owner[0] == os.geteuid() else programs.shared(self._copy)

    @property
    def _copy(self) -> Path:
        """The link to a copy of the programs, made if only root can enter their folder."""
        return self.locks / "postgres.programs"


def is_address(text: str) -> bool:
    """Return whether a connection string is that of an embedded server."""
    return _CLIENTS in text


def _reason(output: str) -> str:
    """Return the line of a program's output that says why it failed; otherwise the last line."""
    lines = output.splitlines()
    return next((line for line in lines if "error:" in line or "FATAL:" in line), lines[-1])
