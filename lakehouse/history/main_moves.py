"""Commands besides `run` that move main or Postgres: merge, rollback, republish, drop a mart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lakehouse.branches import run_branches
from lakehouse.branches.run_branches import BranchStatus
from lakehouse.catalogs import Commit
from lakehouse.compile import dag
from lakehouse.compile.dag import Step
from lakehouse.errors import MergeConflictError, UnknownNameError
from lakehouse.publish import departed, standing
from lakehouse.publish.publication_table import shown
from lakehouse.publish.publish_head import publish_head, summary
from lakehouse.records import run_records
from lakehouse.records.run_records import RunRecorder, RunReport, RunStatus
from lakehouse.session import Session


def republish(session: Session) -> RunReport:
    """Publish all rows of main's newest commit again."""
    with _recording(session, "publish") as recording:
        _publish(session, recording, again=True)
    return recording.report()


def drop_mart(session: Session, name: str) -> RunReport:
    """Drop a mart in Postgres that no model makes any more.

    Raises UnknownNameError if there is none of that name, and PublishError.
    """
    with _recording(session, f"publish --drop {name}") as recording:
        departed.drop(session, name)
        recording.add("drop", shown(name), note="from Postgres")
    return recording.report()


def rollback(session: Session, ref: str) -> RunReport:
    """Make a new commit on main with the tables of an earlier commit, and publish it.

    Raises UnknownNameError for `ref`, and PublishError: main has moved then, and the next run
    publishes it.
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
    """Merge the branch that a run held for review, and publish; return the run's updated record.

    If an earlier merge was killed after it had moved main, only the remaining steps are done.
    Raises UnknownNameError if the run holds no branch, MergeConflictError if main changed
    meanwhile in the tables that the branch changed, and PublishError: main has moved then, and
    the next run publishes it.
    """
    settings, catalog = session.settings, session.catalog
    record = run_records.find(settings.warehouse, run)
    branch = run_branches.branch_of(record["run"])
    commit = None
    if record["status"] == RunStatus.HELD:
        commit = catalog.made_by(record["run"])
    if commit is None:
        _require_held(session, branch)
    session.moving.append(record["run"])
    with standing.noted(session), run_branches.claimed(settings, branch):
        if commit is None:
            commit = _merge(session, branch, record)
        record |= {"commit": commit.id, "status": RunStatus.FAILED, "error": "not published"}
        run_records.keep(settings.warehouse, record)
        record["published"] = publish_head(session)
        is_whole = not record["failed"] and not record.get("unread")
        status = RunStatus.DONE if is_whole else RunStatus.INCOMPLETE
        record |= {"status": status, "error": None}
        run_records.keep(settings.warehouse, record)
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
    names = {listed.name for listed in session.catalog.branches()}
    status = run_branches.status(session.settings, branch) if branch in names else None
    if status is not BranchStatus.HELD:
        problem = "there is no branch" if status is None else f"the branch is {status}, not held:"
        raise UnknownNameError(f"{problem} {branch}", hint="`branches` lists those that are held")


@contextmanager
def _recording(session: Session, message: str) -> Iterator[RunRecorder]:
    """Record what a command does; an error is given a note that says where main stands."""
    with (
        run_records.recording(session.settings.warehouse, message) as recording,
        standing.noted(session),
    ):
        session.moving.append(recording.run_id)
        yield recording


def _publish(session: Session, recording: RunRecorder, *, again: bool = False) -> None:
    recording.published = publish_head(session, again=again)
    if recording.published is not None:
        rows, note = summary(recording.published)
        recording.add(Step.PUBLISH, dag.PUBLICATION, rows=rows, note=note)
