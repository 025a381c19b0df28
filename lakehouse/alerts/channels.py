"""Sending messages through Apprise: Slack, mail and a hundred more channels, by address.

Addresses hold secrets: our own messages show only the scheme of one, such as `slack`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from threading import Thread

from lakehouse.addresses import Address
from lakehouse.alerts.ledger import Message

_IS_SENDING = ContextVar("is_sending", default=False)
"""Whether the code that runs, of whatever library, works on behalf of a channel."""
LONGEST = 10.0
"""Seconds that all channels together have to take the messages."""


def send(
    channels: Sequence[Address], messages: Sequence[Message], warn: Callable[[str], None]
) -> dict[str, Message]:
    """Send messages to all channels; return, by key, those that at least one channel took.

    A channel that fails or does not answer within `LONGEST` seconds is a warning.
    """
    taken: dict[str, Message] = {}
    deliveries = [_Delivery(channel, messages) for channel in channels]
    for delivery in deliveries:
        delivery.start()
    until = time.monotonic() + LONGEST
    for number, delivery in enumerate(deliveries, start=1):
        delivery.join(max(0.0, until - time.monotonic()))
        taken |= {message.key: message for message in tuple(delivery.taken)}
        if delivery.fault or delivery.is_alive():
            fault = delivery.fault or f"did not answer within {LONGEST:g} s"
            warn(f"alert channel {number} ({delivery.scheme}) {fault}; it is tried again next time")
    return taken


class _Delivery(Thread):
    """Thread that hands messages to one channel; the process does not wait for it to end."""

    def __init__(self, channel: Address, messages: Sequence[Message]) -> None:
        super().__init__(daemon=True)
        self._channel, self._messages = channel, messages
        self.scheme = channel.shown
        self.taken: list[Message] = []
        self.fault = ""

    def run(self) -> None:
        try:
            self._deliver()
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, with the address in its text
            self.fault = f"failed ({type(error).__name__})"

    def _deliver(self) -> None:
        _IS_SENDING.set(True)
        # These libraries log addresses, and what servers answer.
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
    return not _IS_SENDING.get()
