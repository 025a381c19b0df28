"""Attempts of a run: all work happens on a branch, and main moves at the end or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lakehouse.addresses.discretion import recorded
from lakehouse.branches import run_branches
from lakehouse.compile import dag
from lakehouse.declare.project import SETTINGS
from lakehouse.declare.specs import WINDOW
from lakehouse.doctor import servers
from lakehouse.doctor.full_disk_errors import DiskFullError
from lakehouse.errors import MergeConflictError, ServerError
from lakehouse.publish import standing
from lakehouse.records import run_records
from lakehouse.records.listener import Listener, Silence
from lakehouse.records.run_records import RunReport
from lakehouse.run import overtaken_runs, own_names
from lakehouse.run.context import RunContext
from lakehouse.run.request import Request
from lakehouse.run.runner import Runner
from lakehouse.session import Session
from lakehouse.system import clock

_SILENCE = Silence()


def run(session: Session, request: Request, listener: Listener = _SILENCE) -> RunReport:
    """Ingest, build, check, merge and publish; return the report, which is also the run record.

    main moves only if every blocking check passed. If another run moved main in the same tables
    meanwhile, the run waits for its turn and starts over on a fresh branch. Raises LakehouseError;
    main is then as it was. If only the publication failed, main has moved, and the next run
    publishes it.
    """
    session.require_home()
    with standing.noted(session), overtaken_runs.turn(session.settings.home, listener) as turn:
        while True:
            try:
                return _attempt(session, request, listener)
            except MergeConflictError as error:
                turn.wait(error)
            except Exception as error:
                raise _reason(session, error) from error


def _attempt(session: Session, request: Request, listener: Listener) -> RunReport:
    started, began = clock.now(), time.perf_counter()
    run_id = run_records.new_id(started)
    settings, catalog = session.settings, session.catalog
    run_branches.sweep(settings, catalog)
    own_names.require_own(session)
    with ExitStack() as resources:
        resources.enter_context(run_branches.claimed(settings, run_branches.branch_of(run_id)))
        context = RunContext(session, request, run_id, started, listener, resources)
        failure: BaseException | None = None
        try:
            inputs = {WINDOW: request.hull, SETTINGS: settings}
            with standing.noted(session):
                dag.visit(session.project, Runner(context), inputs)
        except Exception as error:
            failure = _reason(session, error)
            raise failure from error
        except BaseException as error:
            failure = error
            raise
        finally:
            if failure is not None and run_id in session.moving:
                # An interruption may have come after the merge, before its commit was noted.
                with _unless_failed(failure):
                    context.commit = context.commit or catalog.made_by(run_id)
            is_of_use = context.held or (context.written and _worth_a_look(failure))
            is_kept = is_of_use and context.commit is None
            if context.commit is None:
                with _unless_failed(failure):
                    (catalog.secure if is_kept else catalog.drop_branch)(context.branch)
            report = RunReport(
                run_id=run_id,
                status=context.status(failure),
                message=request.message,
                window=request.hull if request.asks_sources else None,
                started_at=started,
                seconds=time.perf_counter() - began,
                nodes=tuple(context.nodes),
                checks=tuple(context.checks),
                commit=context.commit.id if context.commit else None,
                branch=context.branch if is_kept else None,
                published=context.published,
                failed={str(window): error for window, error in context.failed.items()},
                unread=tuple(context.unread),
                error=None if failure is None else recorded(failure),
            )
            with _unless_failed(failure):
                run_records.record(settings.warehouse, report)
            with _unless_failed(failure):
                session.engine.release()
            listener.ended(report)
    if not context.failed:
        context.journal.close()
    return report


def _reason(session: Session, error: Exception) -> Exception:
    """Return the reason of an error: a server that was given up, or what its probe says."""
    if isinstance(error, ServerError) or session.watch.given_up is None:
        return servers.explained(session.settings, error)
    return session.watch.given_up


@contextmanager
def _unless_failed(failure: BaseException | None) -> Iterator[None]:
    """Suppress later errors if the run has failed: they often have the same cause, and hide it."""
    try:
        yield
    except Exception:
        if failure is None:
            raise


def _worth_a_look(failure: BaseException | None) -> bool:
    """Return whether people may want to look at what a failed run has built."""
    transient = (MergeConflictError, ServerError, DiskFullError)
    return isinstance(failure, Exception) and not isinstance(failure, transient)
