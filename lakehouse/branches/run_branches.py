"""States of the branches that runs work on, and removal of those that were left behind.

A run that failed keeps its branch for people to look at, and its record says so. A branch that
has no record, and whose lock is free, belonged to a process that was killed: nobody will finish it.

Processes of one home see each other's locks, which the operating system releases when a process
ends in any way. Processes of other homes, perhaps on other machines, see a lease beside the tables,
which a run renews as long as it is alive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from lakehouse.branches import leases
from lakehouse.catalogs import Catalog
from lakehouse.config import Settings
from lakehouse.errors import UnknownNameError
from lakehouse.records import run_records
from lakehouse.records.run_records import RunStatus
from lakehouse.system import file_locks

_PREFIX = run_records.PREFIX


class BranchStatus(StrEnum):
    """What a branch is there for."""

    LIVING = "living"
    """A run works on it."""
    HELD = "held"
    """Its run passed the checks, and the branch waits for `merge`."""
    FAILED = "failed"
    """Its run failed, and the branch was kept for people to look at."""
    ORPHANED = "orphaned"
    """Its run was killed; the next run drops it."""


def branch_of(run_id: str) -> str:
    """Return the name of the branch that a run works on."""
    return f"{_PREFIX}{run_id}"


@contextmanager
def claimed(settings: Settings, branch: str) -> Iterator[None]:
    """Hold the lock and the lease of a branch."""
    path = _lock(settings, branch)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        lease = leases.Lease(_lease(settings, branch))
        try:
            yield
        finally:
            # If the lease cannot be removed, the lock file stays too: processes of this home find
            # the lock free, and need not wait until the lease expires.
            if lease.give_back():
                path.unlink(missing_ok=True)


def status(settings: Settings, branch: str) -> BranchStatus:
    """Return the status of a branch."""
    if not is_free(settings, branch):
        return BranchStatus.LIVING
    if not _was_kept(settings, branch):
        return BranchStatus.ORPHANED if branch.startswith(_PREFIX) else BranchStatus.HELD
    record = run_records.load(settings.warehouse, branch.removeprefix(_PREFIX))
    if record is None or record["status"] == RunStatus.FAILED:
        return BranchStatus.FAILED
    return BranchStatus.HELD


def drop(settings: Settings, catalog: Catalog, branch: str) -> None:
    """Drop a branch that no run works on. Raises UnknownNameError for any other name."""
    if branch not in {known.name for known in catalog.branches()}:
        raise UnknownNameError(
            f"there is no branch {branch!r}", hint="`branches` lists all branches"
        )
    if status(settings, branch) is BranchStatus.LIVING:
        raise UnknownNameError(
            f"a run works on the branch {branch!r}", hint="stop that run; its branch goes with it"
        )
    _drop(settings, catalog, branch)


def sweep(settings: Settings, catalog: Catalog) -> list[str]:
    """Drop the branches of killed processes, their locks and their leases; return their names."""
    swept = [branch.name for branch in catalog.branches() if is_orphan(settings, branch.name)]
    for name in swept:
        _drop(settings, catalog, name)
    sweep_locks(settings)
    return swept


def sweep_locks(settings: Settings) -> None:
    """Remove the locks and leases of dead processes, whatever became of their branches."""
    for lock in _lock(settings, _PREFIX).parent.glob(f"{_PREFIX}*"):
        _unlock(settings, lock.name)


def is_orphan(settings: Settings, branch: str) -> bool:
    """Return whether the run of a branch was killed: not alive, and the branch was not kept."""
    if not branch.startswith(_PREFIX):
        return False
    return not _was_kept(settings, branch) and is_free(settings, branch)


def is_free(settings: Settings, branch: str) -> bool:
    """Return whether no living process holds a branch."""
    try:
        with _lock(settings, branch).open() as file:
            return file_locks.try_acquire(file)
    except FileNotFoundError:
        return leases.is_over(_lease(settings, branch))


def _was_kept(settings: Settings, branch: str) -> bool:
    """Return whether the run of a branch ended, and kept its branch on purpose.

    If the record's branch is null, the run meant to drop it. If the record is damaged, or has no
    such entry, the branch counts as kept: better to look at it than to lose it.
    """
    run = branch.removeprefix(_PREFIX)
    record = run_records.load(settings.warehouse, run)
    if record is None:
        return run_records.is_kept(settings.warehouse, run)
    return record.get("branch", "") is not None


def _drop(settings: Settings, catalog: Catalog, branch: str) -> None:
    catalog.drop_branch(branch)
    _unlock(settings, branch)


def _unlock(settings: Settings, branch: str) -> None:
    """Remove the lease and the lock of a branch, unless a living process holds them."""
    lock, lease = _lock(settings, branch), _lease(settings, branch)
    try:
        with lock.open() as file:
            if file_locks.try_acquire(file):
                lease.unlink(missing_ok=True)
                lock.unlink(missing_ok=True)
    except FileNotFoundError:  # a process of another home worked on the branch
        lease.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file; if `sweep_locks` removes it before it is held, make it again."""
    while True:
        with path.open("w") as file:
            file_locks.acquire(file)
            if _is_at(path, file):
                yield
                return


def _is_at(path: Path, file: TextIO) -> bool:
    """Return whether an open file is still the one that its path names."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lease(settings: Settings, branch: str) -> Path:
    return settings.warehouse / "leases" / branch


def _lock(settings: Settings, branch: str) -> Path:
    return settings.home / "locks" / branch
