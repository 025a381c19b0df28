"""A note on the error that breaks off a command: where main and Postgres stand now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lakehouse.publish import memory
from lakehouse.system import signals

if TYPE_CHECKING:
    from lakehouse.session import Session


@contextmanager
def noted(session: Session) -> Iterator[None]:
    """Add a note to any error from the block inside: where it leaves main and Postgres.

    An interruption that a library has turned into an error of its own is raised as an interruption.
    """
    try:
        yield
    except BaseException as error:
        interruption = signals.stopped(error)
        broken = interruption or error
        if not getattr(broken, "__notes__", ()):
            note = _note(session, interrupted=interruption is not None)
            if note:
                broken.add_note(note)
        if broken is error:
            raise
        raise broken from None


def _note(session: Session, *, interrupted: bool) -> str:
    """Return where main and Postgres stand; empty if an error leaves both as they were."""
    as_before = "main is as it was" if interrupted else ""
    if not session.moving:
        return as_before
    with suppress(Exception):
        made = filter(None, map(session.catalog.made_by, session.moving))
        commit = max(made, key=lambda commit: commit.sequence, default=None)
        if commit is None and not interrupted:
            return ""
        main = as_before if commit is None else f"main is at {commit.id}"
        head = session.catalog.head()
        if head is None or memory.is_current(session.settings, head):
            return main if commit is None else f"{main}, and so is Postgres"
        return f"{main}; the next run or `publish` publishes it"
    return "whether main moved cannot be told now; `log` shows it" if interrupted else ""
