"""Alerts: people hear of trouble once, and once that it is over.

`LAKEHOUSE_ALERTS` names the channels. Without it nothing here is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse import clock
from lakehouse.errors import LakehouseError, UnknownNameError
from lakehouse.request import Listener

if TYPE_CHECKING:
    from lakehouse.alerts.policy import Policy
    from lakehouse.freshness import Freshness
    from lakehouse.runs import RunReport
    from lakehouse.session import Session


class Watch:
    """Listens to a run for another listener, and remembers how it ended."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.report: RunReport | None = None

    def progress(self, message: str) -> None:
        self._listener.progress(message)

    def detail(self, message: str) -> None:
        self._listener.detail(message)

    def warning(self, message: str) -> None:
        self._listener.warning(message)

    def ended(self, report: RunReport) -> None:
        self.report = report
        self._listener.ended(report)


@contextmanager
def watching(session: Session, listener: Listener) -> Iterator[Listener]:
    """Tell people what the run inside finds to be wrong, or right again; also that it fails.

    The run is to tell the listener that is given. Raises ConfigError, before it begins, if
    `[alerts]` is wrong. Whatever becomes of the alerts, the run ends as it would without them.
    """
    if not session.settings.alerts:
        yield listener
        return
    from lakehouse.alerts.policy import Policy

    policy, watch = Policy.of(session.settings), Watch(listener)
    try:
        yield watch
    except UnknownNameError:  # a word that was mistyped is nobody else's trouble
        raise
    except Exception as error:
        _tell(session, policy, watch, error)
        raise
    _tell(session, policy, watch, None)


def _tell(session: Session, policy: Policy, watch: Watch, error: Exception | None) -> None:
    try:
        _settle(session, policy, watch, error)
    except LakehouseError as trouble:
        watch.warning(f"alerts were not sent: {trouble.message}")
    except Exception as trouble:  # noqa: BLE001 - alerts never fail a run
        watch.warning(f"alerts were not sent: unexpected {type(trouble).__name__}")


def _settle(session: Session, policy: Policy, watch: Watch, error: Exception | None) -> None:
    from lakehouse.alerts import channels, ledger, problem

    record = watch.report.to_json() if watch.report else None
    findings = problem.found(record, error, _sources(session, watch))
    now = clock.now()
    with ledger.opened(session.settings.home) as book:
        before = book.read()
        known = before.after(findings, now)
        messages = list(known.messages(findings, policy, now))
        sent = channels.send(session.settings.alerts, messages, watch.warning) if messages else {}
        after = known.told(findings, sent, now)
        if after != before:
            book.write(after)


def _sources(session: Session, watch: Watch) -> Sequence[Freshness]:
    """How fresh the sources are, if that can be told."""
    from lakehouse.freshness import freshness

    if watch.report is None:
        return ()
    sources = {spec.table for spec in session.project.ingestions.values()}
    return [each for each in freshness(session) if each.table in sources]
