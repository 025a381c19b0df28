"""Commands of people about alerts: list open problems, snooze one, try the channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from lakehouse.alerts import channels, ledger
from lakehouse.alerts.ledger import EVERYTHING, Ledger, Message, Snooze
from lakehouse.alerts.problem import RUN
from lakehouse.config import Settings
from lakehouse.declare.project import Project
from lakehouse.errors import ConfigError, UnknownNameError
from lakehouse.system import clock


def read_ledger(settings: Settings) -> Ledger:
    """Return the open problems and the snoozes, as of the last run."""
    with ledger.opened(settings.home) as book:
        return book.read()


def snooze(settings: Settings, project: Project, name: str, length: timedelta) -> datetime:
    """Send no alerts for the problems of a name during `length`; return the end of the snooze.

    The first run after it alerts of what is still wrong. Raises UnknownNameError.
    """
    sources = [spec.table for spec in project.ingestions.values()]
    known = [EVERYTHING, RUN, *sources, *project.checks]
    if name not in known:
        raise UnknownNameError(
            f"no alert has the name {name!r}", hint=f"the names are {', '.join(known)}"
        )
    now = clock.now()
    added = Snooze(now, now + length)
    with ledger.opened(settings.home) as book:
        before = book.read()
        book.write(replace(before, snoozed={**before.snoozed, name: added}))
    return added.until


def test(settings: Settings, warn: Callable[[str], None]) -> bool:
    """Send a test message to every channel; return whether each took it.

    Raises ConfigError if no channel is set.
    """
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
