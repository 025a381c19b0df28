"""`build_definitions`: everything that Dagster loads of a project."""

# No annotations from the future: Dagster looks at that of the context, and wants its class.
from collections.abc import Iterator
from datetime import date, timedelta
from os import PathLike

import dagster as dg

from lakehouse import interface
from lakehouse.catalogs import MAIN
from lakehouse.config import Settings
from lakehouse.dagster import failures
from lakehouse.dagster.assets import Table, asset_specs, check_specs, key_of
from lakehouse.dagster.materialize import Event, materialize
from lakehouse.declare.project import Project, ordered
from lakehouse.patches import dagster_telemetry
from lakehouse.schedule.scheduler import Job, jobs
from lakehouse.session import Session


def build_definitions(
    project: str | PathLike[str] | None = None, *, first_day: date | str | None = None
) -> dg.Definitions:
    """Return the definitions of the project that a folder lies in; the working folder if left out.

    All tables are assets with a partition for each local day from `first_day` on: by default the
    first day that main has, or today for an empty home. Raises LakehouseError for a project that
    cannot be loaded.
    """
    dagster_telemetry.silence()
    with interface.open(project) as lake:
        settings = lake.settings
    with Session(settings) as session:
        first = _first_day(session, first_day)
        days = dg.DailyPartitionsDefinition(
            str(first), timezone=str(settings.timezone), end_offset=1
        )
        tables = _tables(session, days)
        scheduled = [*_schedules(session.project, settings)]
    return dg.Definitions(assets=[tables], schedules=scheduled, sensors=[failures.sensor(settings)])


def _first_day(session: Session, wanted: date | str | None) -> date:
    if wanted is not None:
        return date.fromisoformat(str(wanted))
    stored = session.catalog.tables(MAIN).values()
    windows = [window for table in stored for window in table.state.settled]
    begin = min((window.start for window in windows), default=None)
    return session.today() if begin is None else begin.astimezone(session.settings.timezone).date()


def _tables(session: Session, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Return all tables as one asset of several parts: any choice of them is one run."""
    settings, project = session.settings, session.project
    specs: list[Table] = [*project.ingestions.values(), *project.copies.values(), *ordered(project)]
    order = [spec.table for spec in specs]

    @dg.multi_asset(
        name="lakehouse",
        specs=[*asset_specs(session.compiled, session.lineage, session.engine_dialect)],
        check_specs=[*check_specs(session.project)],
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def lakehouse(context: dg.AssetExecutionContext) -> Iterator[Event]:
        yield from materialize(settings, order, context)

    return lakehouse


def _schedules(project: Project, settings: Settings) -> Iterator[dg.ScheduleDefinition]:
    """Yield a schedule for each group of ingestions with a `cron`."""
    if any(spec.cron for spec in project.ingestions.values()):
        for job in jobs(project):
            yield _schedule(project, settings, job)


def _schedule(project: Project, settings: Settings, job: Job) -> dg.ScheduleDefinition:
    keys = [key_of(project.ingestions[name].table) for name in job.ingestions]
    selection = dg.AssetSelection.assets(*keys).downstream()
    zone = settings.timezone

    def days(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        """Ask for yesterday too: its last hours were not over at its last run."""
        today = context.scheduled_execution_time.astimezone(zone).date()
        return dg.RunRequest(
            tags={
                "dagster/asset_partition_range_start": str(today - timedelta(days=1)),
                "dagster/asset_partition_range_end": str(today),
            }
        )

    return dg.ScheduleDefinition(
        name=f"{job.group}_schedule",
        job=dg.define_asset_job(f"{job.group}_job", selection),
        cron_schedule=list(job.crons),
        execution_timezone=str(zone),
        execution_fn=days,
    )
