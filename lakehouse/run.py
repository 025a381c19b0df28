"""A run: everything happens on a branch, and main moves at the end, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lakehouse import branches, clock, dag, probes, runs, standing, turns
from lakehouse.disk import DiskFullError
from lakehouse.errors import MergeConflictError
from lakehouse.probes import ServerError
from lakehouse.project import SETTINGS, WINDOW
from lakehouse.request import Listener, Request, Silence
from lakehouse.runs import RunReport
from lakehouse.session import Session
from lakehouse.steps import Running

_SILENCE = Silence()


def run(session: Session, request: Request, listener: Listener = _SILENCE) -> RunReport:
    """Ingest, build, check, merge and publish; the report is also kept as a run record.

    main moves only if every blocking check passed. If it moved meanwhile in the same tables,
    the run starts over on a fresh branch, in its turn. Raises LakehouseError; main is then as it
    was, unless it was the publication that failed: the next run makes up for it.
    """
    session.require_home()
    with standing.noted(session), turns.turn(session.settings.home, listener) as turn:
        while True:
            try:
                return _attempt(session, request, listener)
            except MergeConflictError as error:
                turn.wait(error)
            except Exception as error:
                raise probes.explained(session.settings, error) from error


def _attempt(session: Session, request: Request, listener: Listener) -> RunReport:
    started, began = clock.now(), time.perf_counter()
    run_id = runs.new_id(started)
    settings, catalog = session.settings, session.catalog
    branches.sweep(settings, catalog)
    session.engine.sweep([branch.name for branch in catalog.branches()])
    with ExitStack() as resources:
        resources.enter_context(branches.claimed(settings, branches.branch_of(run_id)))
        reading = Running(session, request, run_id, started, listener, resources)
        failure: BaseException | None = None
        try:
            inputs = {WINDOW: request.hull, SETTINGS: settings}
            with standing.noted(session):
                dag.read(session.project, reading, inputs)
        except Exception as error:
            failure = probes.explained(settings, error)
            raise failure from error
        except BaseException as error:
            failure = error
            raise
        finally:
            if failure is not None and run_id in session.moving:
                # It may have come between the merge and the note of it.
                with _unless_failed(failure):
                    reading.commit = reading.commit or catalog.made_by(run_id)
            looked_at = reading.held or (reading.written and _worth_a_look(failure))
            left = looked_at and reading.commit is None
            if reading.commit is None:
                with _unless_failed(failure):
                    (catalog.secure if left else catalog.drop_branch)(reading.branch)
            report = RunReport(
                run_id=run_id,
                status=reading.status(failure),
                message=request.message,
                window=None if request.retry else request.hull,
                started_at=started,
                seconds=time.perf_counter() - began,
                nodes=tuple(reading.nodes),
                checks=tuple(reading.checks),
                commit=reading.commit.id if reading.commit else None,
                branch=reading.branch if left else None,
                published=reading.published,
                failed={str(window): error for window, error in reading.failed.items()},
                error=None if failure is None else str(failure) or type(failure).__name__,
            )
            with _unless_failed(failure):
                runs.record(settings.warehouse, report)
            with _unless_failed(failure):
                session.engine.release()
            listener.ended(report)
    if not reading.failed:
        reading.journal.close()
    return report


@contextmanager
def _unless_failed(failure: BaseException | None) -> Iterator[None]:
    """Let no later error, as likely as not over the same server, hide a failure."""
    try:
        yield
    except Exception:
        if failure is None:
            raise


def _worth_a_look(failure: BaseException | None) -> bool:
    """Whether somebody may want to see what a failed run had built so far."""
    passing = (MergeConflictError, ServerError, DiskFullError)
    return isinstance(failure, Exception) and not isinstance(failure, passing)
