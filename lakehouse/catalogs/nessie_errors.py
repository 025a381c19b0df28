"""What went wrong with a Nessie server, whichever client asked it."""

from __future__ import annotations

from lakehouse.errors import IdentityError, LakehouseError, StorageError
from lakehouse.identity.certificates import untrusted


class UnansweredError(StorageError):
    """No answer came: Nessie may or may not have done what the request asked for."""


class NotFoundError(StorageError):
    """The ref does not exist."""


class ConflictError(StorageError):
    """The ref moved meanwhile, or exists already."""


_REFUSALS = {400: NotFoundError, 404: NotFoundError, 409: ConflictError}
"""Errors by HTTP status. Nessie answers 400 to a name that no ref could have."""
NOT_LET_IN = {
    401: "set LAKEHOUSE_NESSIE_TOKEN, or the client of OAuth2, to one that it takes",
    403: "the credential is known; may it do this?",
}
"""What to do about an answer to somebody unknown, or without the right, by HTTP status."""


def unanswered(url: str, error: Exception) -> StorageError:
    """The error for a Nessie that does not answer at a URL, or that is not trusted."""
    if reason := untrusted(error):
        return StorageError(
            f"Nessie at {url} has a certificate that is not trusted: {reason}",
            hint="name the file of its authority in LAKEHOUSE_NESSIE_CA_FILE",
        )
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


def refused(url: str, status: int, reason: str) -> LakehouseError:
    """The error for an answer with an HTTP status that tells of a failure."""
    if status in NOT_LET_IN:
        return IdentityError(f"Nessie at {url} refuses: HTTP {status}", hint=NOT_LET_IN[status])
    return _REFUSALS.get(status, StorageError)(f"Nessie at {url} refused: {reason}")
