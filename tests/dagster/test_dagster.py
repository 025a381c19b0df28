"""A real Dagster runs the shop, in this process and by its command line: as `run` does."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import shop
from receivers import Web

import lakehouse

dg = pytest.importorskip("dagster")

ROOT = Path(__file__).parents[2]
DAY, LAST = "2024-03-01", "2024-03-30"
TILL = """
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    return [
        {"id": "1", "sku": "tea", "price": "3", "note": "no", "at": noon},
        {"id": "2", "sku": "cup", "price": "0", "note": "12", "at": noon},
    ]
"""
MONTH = """
    from datetime import timedelta

    noon, sku = datetime(2024, 3, 1, 12, tzinfo=UTC), (settings.root / "sku").read_text()
    return [
        {"id": str(day), "sku": sku, "price": str(day), "note": "", "at": noon + timedelta(days=day)}
        for day in range(30)
    ]
"""
WHOLE = "    yield pyarrow.Table.from_pylist(till)\n"
CUT = """
    rows = [row for row in till if window.start <= row["at"] < window.end]
    if rows:
        yield pyarrow.Table.from_pylist(rows)
"""


@dataclass
class Story:
    """What happened to a shop that sells something each day of a month, and what was told of it."""

    folder: Path
    definitions: object
    instance: object
    web: Web
    """Who is alerted."""
    results: dict = field(default_factory=dict)
    logs: dict = field(default_factory=dict)

    def materialize(self, name, day, select="*"):
        """Materialize a day in this process."""
        (assets,) = self.definitions.assets
        selection = dg.AssetSelection.from_string(select)
        self.results[name] = dg.materialize(
            [assets],
            selection=selection,
            instance=self.instance,
            partition_key=day,
            raise_on_error=False,
        )
        self.note(name)

    def backfill(self, name, first, last):
        """Materialize days by Dagster's command line, as one run."""
        file = self.folder / "definitions.py"
        file.write_text(
            "from lakehouse.dagster import build_definitions\n"
            f"definitions = build_definitions({str(self.folder)!r}, first_day={DAY!r})\n"
        )
        home = self.folder / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        dagster = [sys.executable, "-m", "dagster", "asset", "materialize", "-f", str(file)]
        self.results[name] = subprocess.run(
            [*dagster, "--select", "*", "--partition-range", f"{first}...{last}"],
            check=False,
            cwd=self.folder,
            env={**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        self.note(name)

    def run_as_scheduled(self, name, moment):
        """Run the job of the schedule as it asks at a moment."""
        (schedule,) = self.definitions.schedules
        now = datetime.fromisoformat(moment)
        context = dg.build_schedule_context(instance=self.instance, scheduled_execution_time=now)
        (self.results["request"],) = schedule.evaluate_tick(context).run_requests
        self.results[name] = self.definitions.resolve_job_def(schedule.job_name).execute_in_process(
            instance=self.instance, tags=self.results["request"].tags, raise_on_error=False
        )
        self.note(name)

    def tell_of(self, result):
        """Let the sensor see a run that failed; the messages that it sent."""
        before = len(self.web.messages)
        (sensor,) = self.definitions.sensors
        failure = next(e for e in result.all_events if e.event_type_value == "PIPELINE_FAILURE")
        context = dg.build_run_status_sensor_context(
            sensor.name, failure, self.instance, result.dagster_run
        )
        sensor(context.for_run_failure())
        return self.web.messages[before:]

    def note(self, name):
        with lakehouse.open(self.folder) as lake:
            self.logs[name] = list(lake.log())

    def rows(self, table):
        with lakehouse.open(self.folder) as lake:
            return sorted(lake.query(f"SELECT * FROM {table}").to_pylist(), key=str)


@pytest.fixture(scope="module")
def story(tmp_path_factory, databases):
    """A day, a choice of tables, a backfill of a month, and a day that a check refuses."""
    from lakehouse.dagster import build_definitions

    folder = tmp_path_factory.mktemp("shop")
    orders = shop.SHOP[shop.ORDERS].replace(TILL, MONTH).replace(WHOLE, CUT)
    assert orders.count("timedelta(days=day)") == orders.count("window.start") == 1
    shop.write(folder, {**shop.SHOP, shop.ORDERS: orders, "sku": "tea"})
    shop.forget()
    with (
        pytest.MonkeyPatch.context() as patch,
        databases.lend() as database,
        dg.DagsterInstance.ephemeral() as instance,
        (web := Web()).open() as channel,
    ):
        patch.setenv("LAKEHOUSE_POSTGRES_URL", database)
        patch.setenv("LAKEHOUSE_ALERTS", channel)
        told = Story(folder, build_definitions(folder, first_day=DAY), instance, web)
        told.materialize("day", DAY)
        told.materialize("orders alone", "2024-03-02", 'key:"raw/orders"')
        told.results["rows of a choice"] = len(told.rows("raw.orders")), told.rows("marts.sales")
        told.backfill("month", DAY, LAST)
        (folder / "sku").write_text("NOT AN ARTICLE")
        told.materialize("refused", "2024-03-05")
        (folder / "sku").write_text("tea")
        told.run_as_scheduled("scheduled", "2024-03-31T09:00:00+00:00")
        yield told
    shop.forget()


def materialized(result):
    return [each.asset_key.path[-1] for each in result.asset_materializations_for_node("lakehouse")]


@pytest.mark.long
def test_tables_are_assets_with_what_the_project_says_of_them(story):
    graph = story.definitions.resolve_asset_graph()
    sales, orders = (graph.get(dg.AssetKey(key)) for key in (["marts", "sales"], ["raw", "orders"]))
    names = {key.path[-1] for key in graph.get_all_asset_keys()}
    assert names == {"orders", "paid", "lines", "sales", "best"}
    assert sales.parent_keys == {dg.AssetKey(["silver", "lines"])}
    assert (sales.group_name, sales.kinds) == ("marts", {"iceberg", "duckdb", "postgres"})
    assert (sales.description, sales.tags["daily"]) == ("Sales of each article.", "")
    lineage = sales.metadata["dagster/column_lineage"].deps_by_column
    assert [(dep.asset_key.path, dep.column_name) for dep in lineage["price"]] == [
        (["silver", "lines"], "price")
    ]
    columns = sales.metadata["dagster/column_schema"].columns
    assert [(each.name, each.type) for each in columns] == [
        ("sku", "string"),
        ("orders", "int64"),
        ("price", "int64"),
    ]
    policy = orders.freshness_policy_or_from_metadata
    assert policy.fail_window.to_timedelta() == timedelta(hours=48)


@pytest.mark.long
def test_checks_say_whether_they_block(story):
    graph = story.definitions.resolve_asset_graph()
    keys = (["marts", "sales"], "sales_are_whole"), (["silver", "lines"], "lines_are_fresh")
    checks = [graph.get_check_spec(dg.AssetCheckKey(dg.AssetKey(key), name)) for key, name in keys]
    assert [check.blocking for check in checks] == [True, False]


@pytest.mark.long
def test_a_day_tells_its_rows_windows_commit_and_run(story):
    result = story.results["day"]
    assert result.success
    assert materialized(result) == ["orders", "paid", "lines", "sales", "best"]
    (commit,) = story.logs["day"]
    lines = result.asset_materializations_for_node("lakehouse")[2]
    told = {name: value.value for name, value in lines.metadata.items()}
    assert (told["rows"], told["commit"], told["run"]) == (1, commit.id, commit.run_id)
    assert (told["windows"], told["status"]) == ("all", "done")


@pytest.mark.long
def test_a_choice_of_tables_runs_as_with_select(story):
    assert materialized(story.results["orders alone"]) == ["orders"]
    sales = [{"sku": "tea", "orders": 1, "price": 0}]
    assert story.results["rows of a choice"] == (2, sales)


@pytest.mark.long
def test_a_backfill_of_dagsters_command_line_is_one_run(story):
    result = story.results["month"]
    assert result.returncode == 0, result.stderr
    assert len(story.logs["month"]) == len(story.logs["orders alone"]) + 1
    assert not (story.folder / "dagster/logs/event.log").exists()  # where telemetry would be


@pytest.mark.long
def test_a_blocking_check_that_fails_stops(story):
    result = story.results["refused"]
    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.blocking) == ("sales_are_whole", False, True)
    assert materialized(result) == []
    assert story.logs["refused"] == story.logs["month"]
    (failure,) = result.get_step_failure_events()
    told = failure.step_failure_data.user_failure_data
    assert "2 blocking checks failed, the first on marts.sales" in told.description
    assert told.metadata["branch"].value.startswith("run-")


@pytest.mark.long
def test_main_is_what_run_gives(story, tmp_path, databases, monkeypatch):
    tables = "raw.orders", "silver.lines", "marts.sales", "marts.best"
    by_dagster = {table: story.rows(table) for table in tables}
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    with databases.lend() as database, lakehouse.open(story.folder) as lake:
        monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", database)
        lake.backfill(DAY, LAST)
    by_run = {table: story.rows(table) for table in tables}
    for found in (by_dagster, by_run):
        for row in found["raw.orders"]:
            del row["_run_id"], row["_ingested_at"]
    assert by_dagster == by_run
    assert by_run["marts.sales"] == [{"sku": "tea", "orders": 30, "price": sum(range(30))}]


@pytest.mark.long
def test_a_schedule_runs_yesterday_and_today(story):
    (schedule,) = story.definitions.schedules
    assert (schedule.name, [*schedule.cron_schedule]) == ("orders_schedule", ["0 * * * *"])
    tags = story.results["request"].tags
    assert tags["dagster/asset_partition_range_start"] == "2024-03-30"
    assert tags["dagster/asset_partition_range_end"] == "2024-03-31"
    assert story.results["scheduled"].success
    assert "orders" in materialized(story.results["scheduled"])


@pytest.mark.long
def test_a_run_that_broke_off_is_an_alert_and_one_that_lakehouse_told_of_is_none(story):
    @dg.op
    def killed():
        raise MemoryError

    @dg.job
    def broken():
        killed()

    broke_off = broken.execute_in_process(instance=story.instance, raise_on_error=False)
    (message,) = story.tell_of(broke_off)
    assert f"the run {broke_off.run_id} of broken in Dagster broke off" in str(message)
    assert story.tell_of(story.results["refused"]) == []


@pytest.mark.long
def test_nothing_of_dagster_is_imported_without_being_asked_for():
    code = (
        "import sys, lakehouse, lakehouse.cli.run, lakehouse.interface.lakehouse;"
        "import lakehouse.run.attempts, lakehouse.superset;"
        "sys.exit(any(name.partition('.')[0] in ('dagster', 'yaml', 'superset') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
