"""`Lakehouse`: what can be done with one project, as methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from lakehouse.catalogs import MAIN, Commit
from lakehouse.config import Settings
from lakehouse.errors import UsageError
from lakehouse.interface.ibis_tables import IbisTables
from lakehouse.interface.selection import Selection
from lakehouse.records.listener import Listener, Silence
from lakehouse.session import Session
from lakehouse.system.garbage import undisturbed
from lakehouse.windows import ALL_TIME, Windows

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from lakehouse.draw import Picture
    from lakehouse.history.diff import TableDiff
    from lakehouse.lineage import Lineage
    from lakehouse.records.run_records import RunReport
    from lakehouse.run.plan_preview import Preview

_SILENCE = Silence()
Day = date | str
"""A calendar day of the project's time zone; as text, such as '2024-03-15'."""


class Lakehouse:
    """A project and its tables.

    Each method opens what it needs and closes it again, so nothing is held between two calls; the
    tables that `table` returns are read until `close`. All methods raise LakehouseError, which
    says what was wrong and what to do, and may be called in any thread, one at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._tables: IbisTables | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what the tables of `table` read from."""
        tables, self._tables = self._tables, None
        if tables is not None:
            tables.close()

    def run(
        self,
        day: Day | None = None,
        *,
        select: str | None = None,
        exclude: str | None = None,
        state: str = MAIN,
        full_refresh: bool = False,
        hold: bool = False,
        force: bool = False,
        listener: Listener = _SILENCE,
    ) -> RunReport:
        """Ingest one day, build what depends on it, check, merge and publish: the command `run`.

        The day is today if left out. `select`, `exclude` and `state` are those of the command, such
        as 'mrt_* tag:daily'. With `full_refresh`, models are rebuilt from all of their
        inputs; with `hold`, the branch is kept for a review instead of being merged; `force` allows
        a day that has not begun. The `listener` receives messages while the run goes on. Alerts
        are sent as by the command.
        """
        with self._session() as session:
            chosen = _begun(session, day, force=force)
            options = {"message": f"run {chosen}", "full_refresh": full_refresh, "hold": hold}
            selection = Selection(select, exclude, state)
            return _run(session, session.days(chosen, chosen), selection, listener, options)

    def backfill(  # noqa: PLR0913 - users write the parameters as keywords
        self,
        first: Day,
        last: Day,
        *,
        select: str | None = None,
        exclude: str | None = None,
        state: str = MAIN,
        missing: bool = False,
        resume: bool = False,
        workers: int = 1,
        hold: bool = False,
        force: bool = False,
        listener: Listener = _SILENCE,
    ) -> RunReport | None:
        """Ingest the days `first` to `last`, and build what depends on them: `backfill`.

        With `missing`, only what was never fetched is asked for; the result is None if nothing is
        missing. `resume` continues the same backfill after it was interrupted, and `workers` are
        the pieces that are fetched at a time.
        """
        begin, end = _day(first), _day(last)
        if begin is None or end is None or end < begin:
            raise UsageError(
                f"a backfill from {first} to {last} has no day", hint="give the first day first"
            )
        with self._session() as session:
            if not force:
                session.require_begun(end)
            windows = session.days(begin, end)
            if missing and not (windows := session.missing(windows)):
                return None
            options = {"message": f"backfill {begin} to {end}", "hold": hold}
            options |= {"resume": resume, "workers": workers}
            return _run(session, windows, Selection(select, exclude, state), listener, options)

    def retry_quarantine(
        self,
        *,
        select: str | None = None,
        exclude: str | None = None,
        state: str = MAIN,
        listener: Listener = _SILENCE,
    ) -> RunReport:
        """Validate the rows in quarantine again, and run with those that pass now."""
        with self._session() as session:
            options = {"message": "quarantine retry", "retry": True}
            selection = Selection(select, exclude, state)
            return _run(session, (ALL_TIME,), selection, listener, options)

    def refill(self, target: str, *, listener: Listener = _SILENCE) -> RunReport:
        """Fill a column of a raw table, such as 'orders.note', from the stored payload: `refill`.

        Without a column, every one that is null in all rows. No source is asked.
        """
        from lakehouse.run import refilling

        with self._session() as session:
            edit = refilling.of(session.project, target)
            options = {"message": edit.message, "edit": edit}
            selection = Selection(f"{edit.spec.table}+")
            return _run(session, (ALL_TIME,), selection, listener, options)

    def plan(
        self,
        day: Day | None = None,
        *,
        select: str | None = None,
        exclude: str | None = None,
        state: str = MAIN,
        full_refresh: bool = False,
        force: bool = False,
    ) -> list[Preview]:
        """Return what a run of a day would do, table by table, and why: the command `plan`."""
        from lakehouse.run.plan_preview import preview

        with self._session() as session:
            chosen = _begun(session, day, force=force)
            windows = session.days(chosen, chosen)
            names = Selection(select, exclude, state).names(session)
            return preview(session, windows, names, force=full_refresh)

    def query(self, sql: str, *, ref: str = MAIN, at: datetime | None = None) -> pa.Table:
        """Return the rows of one SELECT over the tables of a ref, by the engine of the profile.

        Tables are named `schema.table`. With `at`, main is read as it was then; a moment without an
        offset is one of the project's time zone.
        """
        with self._session() as session:
            return session.query(sql, self._ref(session, ref, at))

    def table(self, name: str, *, ref: str = MAIN) -> ir.Table:
        """Return a table of a ref, such as 'silver.orders', as an Ibis table to go on with.

        DuckDB reads it when it is executed, on any profile, and tables can be joined. It stays as
        it was at the call, whatever runs do meanwhile, until `maintain` removes its files.
        """
        if self._tables is None:
            self._tables = IbisTables(Session(self.settings))
        return self._tables.table(name, ref)

    def diff(self, before: str, after: str = MAIN) -> list[TableDiff]:
        """Return the tables whose rows differ between two refs: the command `diff`."""
        from lakehouse.history import diff as difference

        with self._session() as session:
            return difference.diff(session, before, after)

    def diff_table(self, before: str, after: str, table: str) -> TableDiff | None:
        """Return how the rows of one table differ between two refs; None if they are the same."""
        from lakehouse.history import diff as difference

        with self._session() as session:
            return difference.diff_table(session, before, after, table)

    def log(self, limit: int = 20) -> Sequence[Commit]:
        """Return the commits of main, the newest first, at most `limit`: the command `log`."""
        with self._session() as session:
            return session.catalog.log(limit)

    def dag(
        self,
        *,
        select: str | None = None,
        exclude: str | None = None,
        state: str = MAIN,
        columns: bool = False,
    ) -> Picture:
        """Return the picture of the pipeline, which a notebook shows: the command `dag`.

        With `columns`, tables have their columns, and lines lead from column to column.
        """
        from lakehouse.draw.dag_picture import picture

        selection = Selection(select, exclude, state)
        with self._session() as session:
            names = None if selection.is_all else selection.names(session)
            return picture(session.project, names, session.lineage if columns else None)

    def lineage(self) -> Lineage:
        """Return which columns every column is made of, from sources to marts: `lineage`."""
        with self._session() as session:
            return session.lineage

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Open a session; an error inside is raised with its reason, such as a silent server."""
        from lakehouse.doctor import servers

        with Session(self.settings) as session:
            try:
                yield session
            except Exception as error:
                explained = session.watch.given_up or servers.explained(self.settings, error)
                if explained is error:
                    raise
                raise explained from error

    @staticmethod
    def _ref(session: Session, ref: str, at: datetime | None) -> str:
        if at is None:
            return ref
        local = at if at.tzinfo else at.replace(tzinfo=session.settings.timezone)
        return session.catalog.at(local).id


def _begun(session: Session, day: Day | None, *, force: bool) -> date:
    """Return a day, today if it is left out. Raises NotYetError for one that has not begun."""
    chosen = _day(day) or session.today()
    if not force:
        session.require_begun(chosen)
    return chosen


def _day(day: Day | None) -> date | None:
    if day is None or isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except (TypeError, ValueError):
        raise UsageError(
            f"{day!r} is no date", hint="write it as '2024-03-15', or give a `date`"
        ) from None


def _run(
    session: Session,
    windows: Windows,
    selection: Selection,
    listener: Listener,
    options: dict[str, Any],
) -> RunReport:
    """Run, and send alerts; the staging process and the libraries are loaded side by side."""
    session.start_staging()  # its libraries take as long to load as all of the rest
    session.require_home()
    with ExitStack() as noted:
        with undisturbed():
            from lakehouse.alerts import watching
            from lakehouse.publish import standing
            from lakehouse.run.attempts import run
            from lakehouse.run.request import Request

            noted.enter_context(standing.noted(session))
            watched = noted.enter_context(ExitStack())
            heard = watched.enter_context(watching(session, listener))
            heard.progress("loading")
            session.open()
        with watched:
            return run(session, Request(windows, selection.names(session), **options), heard)
