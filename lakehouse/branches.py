"""Branches of runs: one that lives is locked by its process; one of a dead process is swept.

A run that failed leaves its branch to look at, and a record that says so. A branch without a
record whose lock is free belonged to a process that was killed: nobody will finish it.

Processes of one home see each other's locks, which the system lets go of when one ends, however
it does. Those of other homes, perhaps on other machines, see a lease beside the tables, which a
run renews as long as it lives.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from lakehouse import leases, runs
from lakehouse.catalogs import Catalog
from lakehouse.config import Settings
from lakehouse.errors import UnknownNameError

_PREFIX = runs.PREFIX


class State(StrEnum):
    """What a branch is there for."""

    LIVING = "living"
    """A run works on it."""
    HELD = "held"
    """Its run passed its checks, and waits for `merge`."""
    FAILED = "failed"
    """Left to look at."""
    ORPHANED = "orphaned"
    """Its run was killed; the next run drops it."""


def branch_of(run_id: str) -> str:
    """The branch that a run works on."""
    return f"{_PREFIX}{run_id}"


@contextmanager
def claimed(settings: Settings, branch: str) -> Iterator[None]:
    """Hold the branch's lock and its lease."""
    path = _lock(settings, branch)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        lease = leases.Lease(_lease(settings, branch))
        try:
            yield
        finally:
            if lease.give_back():  # else the free lock says that nobody holds it
                path.unlink(missing_ok=True)


def state(settings: Settings, branch: str) -> State:
    """What a branch is there for."""
    if not is_free(settings, branch):
        return State.LIVING
    if not _was_left(settings, branch):
        return State.ORPHANED if branch.startswith(_PREFIX) else State.HELD
    record = runs.load(settings.warehouse, branch.removeprefix(_PREFIX))
    return State.HELD if record and record["status"] != "failed" else State.FAILED


def drop(settings: Settings, catalog: Catalog, branch: str) -> None:
    """Drop a branch that nobody works on. Raises UnknownNameError."""
    if branch not in {each.name for each in catalog.branches()}:
        raise UnknownNameError(
            f"there is no branch {branch!r}", hint="`branches` lists those that there are"
        )
    if state(settings, branch) is State.LIVING:
        raise UnknownNameError(
            f"a run works on the branch {branch!r}", hint="stop that run; its branch goes with it"
        )
    _drop(settings, catalog, branch)


def sweep(settings: Settings, catalog: Catalog) -> list[str]:
    """Drop the branches of processes that were killed, and their locks and leases; their names."""
    swept = [branch.name for branch in catalog.branches() if is_orphan(settings, branch.name)]
    for name in swept:
        _drop(settings, catalog, name)
    sweep_locks(settings)
    return swept


def sweep_locks(settings: Settings) -> None:
    """Remove what dead processes held of branches that reached main, are held, or never were."""
    for lock in _lock(settings, _PREFIX).parent.glob(f"{_PREFIX}*"):
        _unlock(settings, lock.name)


def is_orphan(settings: Settings, branch: str) -> bool:
    """Whether the branch belongs to a run that neither lives nor left it on purpose."""
    if not branch.startswith(_PREFIX):
        return False
    return not _was_left(settings, branch) and is_free(settings, branch)


def is_free(settings: Settings, branch: str) -> bool:
    """Whether no living process holds the branch."""
    try:
        with _lock(settings, branch).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return leases.is_over(_lease(settings, branch))
    except BlockingIOError:
        return False
    return True


def _was_left(settings: Settings, branch: str) -> bool:
    """Whether a run that ended meant to leave its branch; the catalog may not have dropped it.

    If its record is damaged, it may have: the branch is better looked at than lost.
    """
    run = branch.removeprefix(_PREFIX)
    record = runs.load(settings.warehouse, run)
    if record is None:
        return runs.is_kept(settings.warehouse, run)
    return record.get("branch", "") is not None


def _drop(settings: Settings, catalog: Catalog, branch: str) -> None:
    catalog.drop_branch(branch)
    _unlock(settings, branch)


def _unlock(settings: Settings, branch: str) -> None:
    """Remove the lease and the lock that a dead process left; those of a living one stay."""
    lock, lease = _lock(settings, branch), _lease(settings, branch)
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lease.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
    except FileNotFoundError:  # it was of another home
        lease.unlink(missing_ok=True)
    except BlockingIOError:
        return


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file that whoever sweeps may remove until it is held."""
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file):
                yield
                return


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lease(settings: Settings, branch: str) -> Path:
    return settings.warehouse / "leases" / branch


def _lock(settings: Settings, branch: str) -> Path:
    return settings.home / "locks" / branch
