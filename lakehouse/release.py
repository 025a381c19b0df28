"""What moves main or Postgres besides a run: a merge after review, a rollback, a publication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from lakehouse import branches, dag, publish, runs, standing
from lakehouse.branches import State
from lakehouse.catalogs import Catalog, Commit
from lakehouse.dag import Step
from lakehouse.errors import MergeConflictError, UnknownNameError
from lakehouse.runs import Recording, RunReport
from lakehouse.session import Session


def publish_head(session: Session, *, again: bool = False) -> dict[str, int] | None:
    """Bring Postgres to main's newest commit: rows moved by mart; None if it was there already.

    `again` moves all rows, whatever Postgres says it has. Raises PublishError.
    """
    head = session.catalog.head()
    if head is None or (not again and publish.is_current(session.settings, head)):
        return None
    tables = session.catalog.tables(head.id)
    address = session.start_postgres().result()
    publish.forget(session.settings)
    is_known = partial(_is_known, session.catalog)
    done = publish.publish(
        session.engine, session.compiled, head, tables, address, is_known, again=again
    )
    publish.remember(session.settings, head)
    return done.rows


def republish(session: Session) -> RunReport:
    """Publish main's newest commit again, all rows of it."""
    with _recording(session, "publish") as recording:
        _publish(session, recording, again=True)
    return recording.report()


def rollback(session: Session, ref: str) -> RunReport:
    """Give main the tables of an earlier commit by a new one, and publish it.

    Raises UnknownNameError; PublishError, when main has moved and the next run publishes.
    """
    catalog = session.catalog
    target = catalog.commit(ref)
    named = target.id if target.id.startswith(ref) else f"{ref} ({target.id})"
    message = f"rollback to {named}"
    with _recording(session, message) as recording:
        before = catalog.head()
        commit = catalog.rollback(target.id, run_id=recording.run_id, message=message)
        if commit != before:
            recording.commit = commit.id
            note = f"commit {commit.id}, {len(commit.tables)} tables"
            recording.add(Step.COMMIT, dag.COMMIT, note=note)
        _publish(session, recording)
    return recording.report()


def merge(session: Session, run: str) -> dict[str, Any]:
    """Merge the branch that a run held for review, and publish; the run's record, brought up.

    A merge that was killed when main had moved is brought to its end. Raises UnknownNameError if
    the run holds no branch, MergeConflictError if main moved meanwhile in the tables that it
    changed, and PublishError when main has moved and the next run publishes.
    """
    settings, catalog = session.settings, session.catalog
    record = runs.find(settings.warehouse, run)
    branch = branches.branch_of(record["run"])
    commit = None
    if record["status"] == "held":
        commit = catalog.made_by(record["run"])
    if commit is None:
        _require_held(session, branch)
    session.moving.append(record["run"])
    with standing.noted(session), branches.claimed(settings, branch):
        if commit is None:
            commit = _merge(session, branch, record)
        record |= {"commit": commit.id, "status": "failed", "error": "not published"}
        runs.keep(settings.warehouse, record)
        record["published"] = publish_head(session)
        status = "incomplete" if record["failed"] else "done"
        record |= {"status": status, "error": None}
        runs.keep(settings.warehouse, record)
    return record


def _merge(session: Session, branch: str, record: Mapping[str, Any]) -> Commit:
    try:
        return session.catalog.merge(branch, run_id=record["run"], message=record["message"])
    except MergeConflictError as error:
        raise MergeConflictError(
            error.message,
            hint=f"`branches --drop {branch}`, and run again from where main stands now",
        ) from None


def _require_held(session: Session, branch: str) -> None:
    known = {each.name for each in session.catalog.branches()}
    state = branches.state(session.settings, branch) if branch in known else None
    if state is not State.HELD:
        what = "there is no branch" if state is None else f"the branch is {state}, not held:"
        raise UnknownNameError(f"{what} {branch}", hint="`branches` lists those that are held")


@contextmanager
def _recording(session: Session, message: str) -> Iterator[Recording]:
    """Record what a command does, and where main stands if it is broken off."""
    with (
        runs.recording(session.settings.warehouse, message) as recording,
        standing.noted(session),
    ):
        session.moving.append(recording.run_id)
        yield recording


def _is_known(catalog: Catalog, commit: str) -> bool:
    """Whether a commit is one of main's."""
    try:
        catalog.commit(commit)
    except UnknownNameError:
        return False
    return True


def _publish(session: Session, recording: Recording, *, again: bool = False) -> None:
    recording.published = publish_head(session, again=again)
    if recording.published is not None:
        marts, rows = len(recording.published), sum(recording.published.values())
        recording.add(Step.PUBLISH, dag.PUBLICATION, rows=rows, note=f"{marts} marts in Postgres")
