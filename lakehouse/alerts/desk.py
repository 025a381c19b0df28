"""What people ask of the alerts: what is open, silence for a while, a test of the channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from lakehouse import clock
from lakehouse.alerts import channels, ledger
from lakehouse.alerts.ledger import EVERYTHING, Ledger, Message, Snooze
from lakehouse.alerts.problem import RUN
from lakehouse.config import Settings
from lakehouse.errors import ConfigError, UnknownNameError
from lakehouse.project import Project


def look(settings: Settings) -> Ledger:
    """What is wrong and who is snoozed, as far as runs told."""
    with ledger.opened(settings.home) as book:
        return book.read()


def snooze(settings: Settings, project: Project, name: str, length: timedelta) -> datetime:
    """Tell nothing of the problems of that name for a while; until when.

    What is still wrong then is told by the next run. Raises UnknownNameError.
    """
    sources = [spec.table for spec in project.ingestions.values()]
    known = [EVERYTHING, RUN, *sources, *project.checks]
    if name not in known:
        raise UnknownNameError(
            f"{name!r} is nothing that alerts are about", hint=f"there are {', '.join(known)}"
        )
    now = clock.now()
    asked = Snooze(now, now + length)
    with ledger.opened(settings.home) as book:
        before = book.read()
        book.write(replace(before, snoozed={**before.snoozed, name: asked}))
    return asked.until


def test(settings: Settings, warn: Callable[[str], None]) -> bool:
    """Send a message by every channel; whether each took it. Raises ConfigError without any."""
    if not settings.alerts:
        raise ConfigError(
            "no channel is set", hint="set LAKEHOUSE_ALERTS to one or more addresses of Apprise"
        )
    faults: list[str] = []
    message = Message("test", "a test", "This is how you will hear of trouble.")
    channels.send(settings.alerts, [message], faults.append)
    for fault in faults:
        warn(fault)
    return not faults
