"""Answers that trickle: a server that sends some bytes now and then, and comes to no end.

Libraries have limits of silence, which every byte ends. Linux counts what comes over a connection,
whichever library has opened it; where it does not, as on a Unix socket, nothing is noticed.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

from lakehouse.watch.doors import Server, connections, peer_of

LONGEST = 45.0
"""Seconds that an answer may trickle."""
_LEAST = 1000
"""Bytes that come meanwhile, at least, if it does not."""
_PAUSE = 60.0
"""Seconds without a byte after which a connection is silent, which others look after."""
_TIMES = 3
"""How often bytes have to be seen to come: one more would not be the rest of an answer."""
_COUNTS = struct.Struct("=120xQQ")
"""The bytes of ours that were acknowledged, and those received, in Linux' `tcp_info`."""


@dataclass(frozen=True)
class _Answer:
    """What came over a connection since we last sent something, or since it last came quickly."""

    sent: int
    """Bytes that we have sent in all."""
    before: int
    """Bytes that had come before."""
    came: int
    """Bytes that have come in all."""
    since: float
    last: float
    """When bytes came."""
    times: int = 0

    def is_over(self, sent: int, came: int, now: float) -> bool:
        """Return whether something else has begun."""
        quick = came - self.before >= _LEAST
        return quick or sent != self.sent or now - self.last > _PAUSE

    def trickles(self, longest: float, now: float) -> bool:
        """Return whether it has trickled for so many seconds."""
        return self.times >= _TIMES and now - self.since >= longest


class Trickles:
    """Notes what comes over the connections of this process, each time that it looks."""

    def __init__(self) -> None:
        self._answers: dict[Server, dict[Any, _Answer]] = {}

    def come_from(self, server: Server, longest: float) -> bool:
        """Return whether an answer of a server has trickled for so many seconds."""
        peers, now = server.peers(), time.monotonic()
        known, found = self._answers.get(server, {}), {}
        for connection in connections():
            with closing(connection), suppress(OSError):
                if peer_of(connection) in peers:
                    key = connection.getsockname(), connection.getpeername()
                    found[key] = _looked_at(known.get(key), connection, now)
        self._answers[server] = found
        return any(answer.trickles(longest, now) for answer in found.values())


def _looked_at(answer: _Answer | None, connection: socket.socket, now: float) -> _Answer:
    """What is known of a connection after another look. Raises OSError where none counts."""
    if not hasattr(socket, "TCP_INFO"):
        raise OSError
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS.size)
    if len(told) < _COUNTS.size:
        raise OSError
    sent, came = _COUNTS.unpack(told)
    if answer is None or answer.is_over(sent, came, now):
        return _Answer(sent, came, came, now, now)
    if came == answer.came:
        return answer
    return replace(answer, came=came, last=now, times=answer.times + 1)
