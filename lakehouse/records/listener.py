"""Listeners: objects that receive messages about the progress of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lakehouse.records.run_records import RunReport


class Listener(Protocol):
    """Receives messages while a run goes on, and its report at the end."""

    def progress(self, message: str) -> None:
        """Receive what the run is doing now."""
        ...

    def detail(self, message: str) -> None:
        """Receive something that the run has done."""
        ...

    def warning(self, message: str) -> None:
        """Receive something that went wrong, while the run goes on."""
        ...

    def ended(self, report: RunReport) -> None:
        """Receive the report of the run, also of one that failed."""
        ...


class Silence:
    """Listener that ignores all messages."""

    def progress(self, message: str) -> None: ...
    def detail(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def ended(self, report: RunReport) -> None: ...
