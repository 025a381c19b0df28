"""Where main and Postgres stand when a command that moves them is broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lakehouse import publish, signals

if TYPE_CHECKING:
    from lakehouse.session import Session


@contextmanager
def noted(session: Session, run_id: str) -> Iterator[None]:
    """Note on whatever breaks off what is inside where that leaves main and Postgres.

    An interruption that comes as the error of a library is raised as what it is.
    """
    try:
        yield
    except BaseException as error:
        interruption = signals.stopped(error)
        broken = interruption or error
        note = _note(session, run_id, interrupted=interruption is not None)
        if note and note not in getattr(broken, "__notes__", ()):
            broken.add_note(note)
        if broken is error:
            raise
        raise broken from None


def _note(session: Session, run_id: str, *, interrupted: bool) -> str:
    """Where main stands, and Postgres; nothing if an error leaves both as they were."""
    with suppress(Exception):
        commit, head = session.catalog.made_by(run_id), session.catalog.head()
        if commit is None and not interrupted:
            return ""
        main = "main is as it was" if commit is None else f"main is at {commit.id}"
        if head is None or publish.is_current(session.settings, head):
            return main if commit is None else f"{main}, and so is Postgres"
        return f"{main}; the next run or `publish` publishes it"
    return "whether main moved cannot be told now; `log` shows it" if interrupted else ""
