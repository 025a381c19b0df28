"""Errors that reach the user: each says what was wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

FOUND_PROBLEMS = 1
"""Exit code: the command worked and found something (a failed check, a difference)."""
COULD_NOT_RUN = 2
"""Exit code: the command could not do its work."""


class LakehouseError(Exception):
    """Base of every error the framework raises on purpose.

    `message` names the fault and its place in one line; `hint` says what to do. `place` is a file,
    a line and a function of the project, if the fault is in there; the message begins with it.
    """

    exit_code: ClassVar[int] = COULD_NOT_RUN

    def __init__(self, message: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(message)
        self.message = f"{place}: {message}" if place else message
        self.hint = hint
        self.place = place

    @property
    def advice(self) -> str:
        """The hint, and notes such as where main stands now."""
        return "; ".join(filter(None, [self.hint, *getattr(self, "__notes__", ())]))

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.advice}" if self.advice else self.message


class DeclarationError(LakehouseError):
    """A decorator or a kind was given invalid arguments."""


class ConfigError(LakehouseError):
    """`lakehouse.toml` or an environment variable is missing or wrong."""


class ProjectError(LakehouseError):
    """The project's functions do not form one pipeline."""


class UnknownNameError(LakehouseError):
    """A table, a node or a ref that was asked for does not exist."""


class UsageError(LakehouseError):
    """A method of the Python interface was given arguments that cannot be meant."""


class NotYetError(LakehouseError):
    """A day that was asked for has not begun yet."""


class SourceError(LakehouseError):
    """A source did not answer, or answered something that cannot be trusted."""


class QueryError(LakehouseError):
    """An engine refused a statement."""


class ValueRefusedError(QueryError):
    """An engine met a value that an operation cannot take."""


class IdentityError(LakehouseError):
    """No credential for a server is to be had, or a server does not take it."""


class StorageError(LakehouseError):
    """The home directory, the catalog or the warehouse is not usable."""


class ServerError(StorageError):
    """A server does not answer, or refuses what a run needs."""


class MergeConflictError(LakehouseError):
    """main moved in the tables that a branch changed."""


class PublishError(LakehouseError):
    """The marts could not be published."""


class CheckFailedError(LakehouseError):
    """A blocking check found rows that must not reach main."""

    exit_code = FOUND_PROBLEMS


class DamagedFileWarning(UserWarning):
    """A small file is damaged, and was ignored."""


def choices(what: str, name: str, known: Iterable[str]) -> str:
    """Return a hint for a name that is not `known`: the most similar one, and all of them."""
    from difflib import get_close_matches

    names = list(dict.fromkeys(known))
    guess = get_close_matches(name, names, 1)
    asked = f"did you mean {guess[0]!r}? " if guess else ""
    return f"{asked}{what}: {', '.join(names) or 'none'}"
