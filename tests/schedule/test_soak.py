"""A schedule lives for months: nothing of its runs stays in the process, also of those that fail."""

import gc
import itertools
import json

import pytest
from lent import Lent

from chaos import soak
from chaos.soak import Trouble, judged
from lakehouse import session
from lakehouse.config import load
from lakehouse.engines import duckdb
from lakehouse.records.listener import Silence
from lakehouse.schedule import scheduler

NUMBERS = itertools.count()
INGESTION = """
import json
from datetime import UTC, datetime
from pathlib import Path

import ibis
import pandera.ibis
import pyarrow as pa

from lakehouse import SourceError, ingestion


class Things(pandera.ibis.DataFrameModel):
    id: str
    value: int
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()


@ingestion(
    table_name="things",
    unique_key="id",
    validation_schema=Things,
    time_column="at",
    cron="0 * * * *",
)
def things(window):
    run, trouble = json.loads(Path({mood!r}).read_text())
    if trouble == "source down":
        raise SourceError("nobody answers")
    if trouble not in ("none", "bad rows", "interrupted", "unexpected error"):
        raise eval(trouble)
    ids = [f"{{number}}" for number in range(run)]
    values = [600 if trouble == "bad rows" else 1] * run
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yield pa.table({{"id": ids, "value": values, "at": pa.array([now] * run, pa.timestamp("us", "UTC"))}})
"""
MART = """
from lakehouse import Incremental, RangeCheck, Table, model, quality


@model(kind=Incremental(time_column="at"))
def counted(things):
    return things.select("id", "at", "value")


@model(kind=Table())
def total(counted):
    return counted.agg(rows=counted.count())


@quality(table="marts.counted", checks=[RangeCheck("value", 0, 500)])
def values_are_small(): ...
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def mood(folder):
    """The file that says what the source does."""
    return folder / "mood"


@pytest.fixture(scope="module")
def settings(folder, mood, databases, loader):
    """Of a small project, whose runs find loaded what is slow to load."""
    number = next(NUMBERS)  # a module is imported once, whatever folder it is in by then
    packages = {"ingestion": f"soaked_raw_{number}", "models": f"soaked_marts_{number}"}
    modules = {"ingestion/raw": INGESTION.format(mood=str(mood)), "models/marts": MART}
    for name, text in modules.items():
        kind, _, module = name.partition("/")
        (folder / packages[kind]).mkdir()
        (folder / packages[kind] / "__init__.py").touch()
        (folder / packages[kind] / f"{module}.py").write_text(text)
    project = "".join(f'{kind} = "{package}"\n' for kind, package in packages.items())
    (folder / "lakehouse.toml").write_text(f"[project]\n{project}")
    loader.start()
    with pytest.MonkeyPatch.context() as patch, databases.lend() as database:
        patch.setattr(session, "StageProcess", lambda **_: Lent(loader))
        yield load(folder, {"LAKEHOUSE_POSTGRES_URL": database})


@pytest.fixture
def soaked(settings, mood, monkeypatch):
    """Runs the schedule so many times; what is wrong with what stays in the process."""
    monkeypatch.setattr(soak, "_NODES", 4)

    def run(times, settled):
        gc.collect()  # what earlier tests left in this process would go during the runs
        runs = soak.soak(settings, 1, times, lambda *now: mood.write_text(json.dumps(now)))
        return judged(runs, soak._children(), lambda _: None, settled)

    return run


def faults_of_processes(findings):
    """Faults but those of temporary files, which other tests of this process may have."""
    return [each for each in findings.faults if "temporary" not in each]


@pytest.mark.long
def test_runs_leave_no_descriptor_and_no_thread(soaked):
    findings = soaked(times=12, settled=4)
    assert {each.trouble for each in findings.samples} == set(Trouble)
    assert faults_of_processes(findings) == []


@pytest.mark.longest
def test_runs_leave_no_memory(soaked):
    findings = soaked(times=100, settled=10)
    assert faults_of_processes(findings) == []


class Heard(Silence):
    def __init__(self):
        self.warnings = []

    def warning(self, message):
        self.warnings.append(message)


@pytest.mark.long
@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("SystemExit(3)", "raw.py:31 in things: SystemExit: 3"),
        ("GeneratorExit()", "the run was ended by GeneratorExit"),
        ("MemoryError()", "raw.py:31 in things: MemoryError"),
        ("RecursionError('too deep')", "raw.py:31 in things: RecursionError: too deep"),
        ("type('Odd', (BaseException,), {})()", "the run was ended by Odd"),
        (
            "ValueError('password=abc is wrong')",
            "raw.py:31 in things: ValueError: password=… is wrong",
        ),
    ],
)
def test_whatever_a_project_raises_ends_a_run_and_is_told(settings, mood, error, told):
    heard = Heard()
    mood.write_text(json.dumps([1, error]))
    assert scheduler.once(settings, heard) == 2
    assert any(told in each for each in heard.warnings), heard.warnings
    mood.write_text(json.dumps([1, "none"]))
    assert scheduler.once(settings, heard) == 0


@pytest.mark.long
def test_an_interruption_that_a_library_tells_as_its_own_error_ends_the_schedule(
    settings, monkeypatch
):
    def connect(*_, **__):
        raise RuntimeError from KeyboardInterrupt()

    monkeypatch.setattr(duckdb, "connect", connect)
    with pytest.raises(KeyboardInterrupt):
        scheduler.once(settings, Silence())


@pytest.mark.long
def test_code_that_changes_meanwhile_is_told_of_and_not_run(settings, mood, folder):
    mood.write_text(json.dumps([1, "none"]))
    heard, code = Heard(), folder / settings.models / "marts.py"
    assert scheduler.once(settings, heard) == 0
    assert heard.warnings == []
    code.write_text(f"{MART}\nraise ValueError\n")
    assert scheduler.once(settings, heard) == 0
    code.write_text(MART)
    assert [each for each in heard.warnings if f"code changed, for example {code}" in each]
