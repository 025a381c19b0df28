"""The thread that watches over servers while a command works."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lakehouse.config import Settings
from lakehouse.errors import ServerError
from lakehouse.system import signals
from lakehouse.watch import trickles
from lakehouse.watch.doors import Server, UnreachableError, servers
from lakehouse.watch.trickles import Trickles

_EACH = 10.0
"""Seconds between two rounds of questions; most commands end before the first one."""
_PATIENCE = 10.0
"""Seconds that a server has to answer a question."""
_LONGEST = 30.0
"""Seconds without an answer after which a server is given up."""
_SILENT = "it takes connections, but says nothing: is it overloaded, and is {} right?"
_TRICKLING = "its answer came a few bytes at a time: is it overloaded, or what stands before it?"
"""What to do about a server that was given up."""
_HURRIED = 2.0
"""Seconds that a server has to answer when one was given up, or the process was told to end."""
_GRACE = 45.0
"""Seconds after which a command that waits for a server that was given up is ended."""
_GRACE_AFTER_SIGNAL = 5.0
"""Seconds after which a command that was told to end, and waits for a server, is ended."""
_TICK = 0.25
"""Seconds between two looks at signals, and between shutting down connections."""
_ENGINES = frozenset({"engine", "duckdb", "reader"})
"""Names of a session's engines."""


def over(settings: Settings, opened: Mapping[str, Any]) -> Watch:
    """Return a watch over the servers of a project, for what a session has opened, by name."""

    def interrupt() -> None:
        for name in _ENGINES & opened.keys():
            opened[name].interrupt()

    return Watch(servers(settings), interrupt)


class Watch:
    """Asks servers now and then whether they live, in a thread of its own.

    Of one that is silent, the connections of this process are shut down again and again, so that
    each attempt of a library to reach it ends. If the command does not end then, it is ended.
    """

    def __init__(self, servers: Sequence[Server], interrupt: Callable[[], None]) -> None:
        """`interrupt` ends what engines do, who may wait for the server on their side."""
        self.given_up: ServerError | None = None
        """What to say of the first server that was given up."""
        self._servers, self._interrupt = list(servers), interrupt
        self._silent_since: dict[Server, float] = {}
        self._shunned: set[Server] = set()
        """Servers that were given up and are still silent."""
        self._trickles = Trickles()
        self._trickling: set[Server] = set()
        """Servers that were given up because an answer trickled: they stay so."""
        self._deadline = math.inf
        """When the command is ended, if it waits for a server then."""
        self._is_told = False
        """Whether a signal to end was noticed."""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch, unless there is no server."""
        if self._servers and self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the watch; a question that waits for its answer may end later."""
        self._over.set()
        if self._thread is not None and not self._silent_since:
            self._thread.join(_TICK)

    def _watch(self) -> None:
        while self._waited():
            for server in list(self._servers):
                self._look_at(server)

    def _waited(self) -> bool:
        """Wait until the next round; return False if the watch is over."""
        wait = _HURRIED if self._silent_since or self._is_told else _EACH
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self._over.wait(_TICK):
                return False
            for server in self._shunned:
                server.hang_up()
            if self._shunned and time.monotonic() > self._deadline and self.given_up:
                signals.leave(self.given_up)
            if not self._is_told and signals.came():
                self._is_told = True
                self._deadline = min(self._deadline, time.monotonic() + _GRACE_AFTER_SIGNAL)
                return True
        return True

    def _look_at(self, server: Server) -> None:
        if server in self._trickling:
            return
        began = time.monotonic()
        is_hurried = self.given_up is not None or self._is_told
        try:
            is_silent = server.is_silent(_HURRIED if is_hurried else _PATIENCE)
        except UnreachableError:
            if server not in self._silent_since:  # perhaps a proxy leads there, and we took none
                self._servers.remove(server)
                return
            is_silent = True
        longest = _GRACE_AFTER_SIGNAL if self._is_told else trickles.LONGEST
        if self._trickles.come_from(server, longest):
            self._trickling.add(server)
            self._silent_since[server] = began
            self._give_up(server, "does not end its answer", _TRICKLING)
        elif is_silent:
            since = self._silent_since.setdefault(server, began)
            if self._is_told or time.monotonic() - since >= _LONGEST:
                self._give_up(server, "does not answer", _SILENT.format(server.setting))
        else:
            self._silent_since.pop(server, None)
            self._shunned.discard(server)

    def _give_up(self, server: Server, did: str, hint: str) -> None:
        """Break off what waits for a server."""
        is_first = self.given_up is None
        if is_first:  # known before anybody's connection ends
            self.given_up = ServerError(f"{server.name} at {server.shown} {did}", hint=hint)
            self._deadline = min(self._deadline, time.monotonic() + _GRACE)
        self._shunned.add(server)
        server.hang_up()
        if is_first:
            # It may have to tell the very server that is silent.
            threading.Thread(target=self._break_off, daemon=True).start()

    def _break_off(self) -> None:
        with suppress(Exception):
            self._interrupt()
