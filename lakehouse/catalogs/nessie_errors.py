"""What went wrong with a Nessie server, whichever client asked it."""

from __future__ import annotations

from lakehouse.errors import StorageError


class UnansweredError(StorageError):
    """No answer came: Nessie may or may not have done what the request asked for."""


class NotFoundError(StorageError):
    """The ref does not exist."""


class ConflictError(StorageError):
    """The ref moved meanwhile, or exists already."""


_REFUSALS = {400: NotFoundError, 404: NotFoundError, 409: ConflictError}
"""Errors by HTTP status. Nessie answers 400 to a name that no ref could have."""


def unanswered(url: str) -> UnansweredError:
    """The error for a Nessie that does not answer at a URL."""
    return UnansweredError(
        f"Nessie at {url} does not answer",
        hint="is it running, and is LAKEHOUSE_NESSIE_URL right?",
    )


def no_main(url: str, branch: str) -> StorageError:
    """The error for a Nessie without the main branch of this lakehouse."""
    return StorageError(
        f"Nessie at {url} has no branch {branch!r}",
        hint="is `nessie_branch` right? `lakehouse branches --create-main` makes an empty one",
    )


def not_nessie(url: str) -> StorageError:
    """The error for a server that answers otherwise than Nessie does."""
    return StorageError(
        f"the server at {url} is not Nessie",
        hint="is LAKEHOUSE_NESSIE_URL right? It ends after the port",
    )


def refused(url: str, status: int, reason: str) -> StorageError:
    """The error for an answer with an HTTP status that tells of a failure."""
    return _REFUSALS.get(status, StorageError)(f"Nessie at {url} refused: {reason}")
