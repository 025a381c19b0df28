"""Telling people, through Apprise: Slack, mail and a hundred more, by address.

Addresses hold secrets: no message of ours names more of one than its scheme.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from threading import Thread

from lakehouse.addresses import Address
from lakehouse.alerts.ledger import Message

_IS_TELLING = ContextVar("is_telling", default=False)
"""Whether what is done is done for a channel, by whatever thread of a library."""
LONGEST = 10.0
"""Seconds that all channels together have to take what is to be told."""


def send(
    channels: Sequence[Address], messages: Sequence[Message], warn: Callable[[str], None]
) -> dict[str, Message]:
    """Send messages by all channels; those, by key, that at least one channel took.

    A channel that is broken or slow is warned of, and never waited for long.
    """
    taken: dict[str, Message] = {}
    told = [_Telling(channel, messages) for channel in channels]
    for each in told:
        each.start()
    until = time.monotonic() + LONGEST
    for number, each in enumerate(told, start=1):
        each.join(max(0.0, until - time.monotonic()))
        taken |= {message.key: message for message in tuple(each.taken)}
        if each.fault or each.is_alive():
            fault = each.fault or f"did not answer within {LONGEST:g} s"
            warn(f"alert channel {number} ({each.scheme}) {fault}; it is tried again next time")
    return taken


class _Telling(Thread):
    """Hands messages to one channel; the process does not wait for it to end."""

    def __init__(self, channel: Address, messages: Sequence[Message]) -> None:
        super().__init__(daemon=True)
        self._channel, self._messages = channel, messages
        self.scheme = channel.shown
        self.taken: list[Message] = []
        self.fault = ""

    def run(self) -> None:
        try:
            self._tell()
        except Exception as error:  # noqa: BLE001 - of a plugin, and with the address in it
            self.fault = f"failed ({type(error).__name__})"

    def _tell(self) -> None:
        _IS_TELLING.set(True)
        # They log addresses, and what servers answer.
        logging.getLogger("apprise").disabled = True
        logging.getLogger("urllib3.connectionpool").addFilter(_is_not_about_a_channel)
        import apprise

        client = apprise.Apprise()
        if not client.add(self._channel.reveal()):
            self.scheme, self.fault = "?", "is no address that Apprise knows"
            return
        for message in self._messages:
            kind = apprise.NotifyType.SUCCESS if message.is_over else apprise.NotifyType.WARNING
            title = f"lakehouse: {message.title}"
            if client.notify(message.text, title=title, notify_type=kind):
                self.taken.append(message)
            else:
                self.fault = "did not take it"


def _is_not_about_a_channel(_: logging.LogRecord) -> bool:
    return not _IS_TELLING.get()
