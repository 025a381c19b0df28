"""Alerts: one message when a problem begins, one when it is over; quiet hours and snoozes.

Finding the problems belongs to `audit` and `run`: here they are compared with what people were told
before, and the news is sent. `LAKEHOUSE_ALERTS` names the channels; if it is not set, nothing is
sent or kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError, UnknownNameError
from lakehouse.records.listener import Listener
from lakehouse.system import clock

if TYPE_CHECKING:
    from lakehouse.alerts.policy import Policy
    from lakehouse.audit.freshness import Freshness
    from lakehouse.records.run_records import RunReport
    from lakehouse.session import Session


class Watch:
    """Listener that passes everything on to another one, and keeps the report of the run."""

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
    """Send alerts about the run inside: problems that begin or are over, and a run that fails.

    Yields the listener that the run has to report to. Raises ConfigError before the run begins if
    `[alerts]` is wrong. An alert that cannot be sent is a warning and never fails the run.
    """
    if not session.settings.alerts:
        yield listener
        return
    from lakehouse.alerts.policy import Policy

    policy, watch = Policy.of(session.settings), Watch(listener)
    try:
        yield watch
    except UnknownNameError:  # a name was mistyped: only the person at the keyboard has to know
        raise
    except Exception as error:
        _send_alerts(session, policy, watch, error)
        raise
    _send_alerts(session, policy, watch, None)


def _send_alerts(session: Session, policy: Policy, watch: Watch, error: Exception | None) -> None:
    try:
        _report_changes(session, policy, watch, error)
    except LakehouseError as trouble:
        watch.warning(f"alerts were not sent: {trouble.message}")
    except Exception as trouble:  # noqa: BLE001 - alerts never fail a run
        watch.warning(f"alerts were not sent: unexpected {type(trouble).__name__}")


def _report_changes(
    session: Session, policy: Policy, watch: Watch, error: Exception | None
) -> None:
    from lakehouse.alerts import channels, ledger, problem

    record = watch.report.to_json() if watch.report else None
    findings = problem.findings_of(record, error, _sources(session, watch))
    now = clock.now()
    with ledger.opened(session.settings.home) as book:
        before = book.read()
        known = before.after(findings, now)
        messages = list(known.messages(findings, policy, now))
        sent = channels.send(session.settings.alerts, messages, watch.warning) if messages else {}
        after = known.after_sending(findings, sent, now)
        if after != before:
            book.write(after)


def _sources(session: Session, watch: Watch) -> Sequence[Freshness]:
    """Return the freshness of the ingested tables; empty if the run left no report."""
    from lakehouse.audit.freshness import freshness

    if watch.report is None:
        return ()
    sources = {spec.table for spec in session.project.ingestions.values()}
    return [source for source in freshness(session) if source.table in sources]
