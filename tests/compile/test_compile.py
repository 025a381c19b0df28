"""Compiling: the same code gives the same fingerprints, in every process."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import ibis
import pytest
from toy import modules

from chaos import forks
from lakehouse import config
from lakehouse.compile import cache
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import collect
from lakehouse.expressions import INSTANT, microseconds
from lakehouse.patches.ibis_dialects import to_sql

ROOT = Path(__file__).parents[2]
FINGERPRINTS = """
import json
from lakehouse import config
from lakehouse.compile.compiler import compile_project
from lakehouse.declare import project
compiled = compile_project(project.load(config.load()), "duckdb")
print(json.dumps({name: model.fingerprint for name, model in compiled.models.items()}))
"""
COMMAND = """
from pathlib import Path
import lakehouse.cli.{command}
from lakehouse import config
from lakehouse.compile import cache
from lakehouse.declare.project import Project
cache.compiled(config.load(Path({folder!r}), {{}}), Project(), "duckdb")
"""


def elsewhere(seed):
    """The fingerprints of the project's models in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-c", FINGERPRINTS],
        cwd=ROOT,
        env={"PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    )
    return json.loads(found.stdout)


@pytest.mark.long
def test_fingerprints_are_the_same_in_every_process():
    assert elsewhere("1") == elsewhere("2")


def compiled(**options):
    return compile_project(collect(modules(None, **options)), "duckdb")


def test_other_code_has_another_fingerprint():
    assert compiled().models["steps"].fingerprint != compiled(factor=2).models["steps"].fingerprint


def test_another_lookback_has_another_fingerprint():
    one, other = compiled(lookback="1d"), compiled(lookback="2d")
    assert one.models["steps"].fingerprint != other.models["steps"].fingerprint


def test_a_model_does_not_change_with_what_lies_below_it():
    assert compiled().models["steps"].fingerprint == compiled(wide=True).models["steps"].fingerprint


def test_narrow_integers_are_widened_for_storage():
    schema = compiled().schemas["steps"]
    assert schema["value"] == ibis.dtype("int64")


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    return config.load(tmp_path, {})


def test_what_is_compiled_is_kept(settings):
    project = collect(modules(None))
    fresh = cache.compiled(settings, project, "duckdb")
    assert len(list((settings.root / "__pycache__").glob("lakehouse-*"))) == 1
    assert cache.compiled(settings, project, "duckdb") == fresh


@pytest.mark.long
def test_what_one_command_compiled_serves_another(settings):
    for command in ("plan", "run"):
        script = COMMAND.format(command=command, folder=str(settings.root))
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    assert len(list((settings.root / "__pycache__").glob("lakehouse-*"))) == 1


@pytest.mark.long
@pytest.mark.parametrize("place", ["in the project's folder", "elsewhere"])
def test_changed_code_is_compiled_anew(settings, tmp_path_factory, monkeypatch, place):
    name = f"extra_{place.partition(' ')[0]}"
    folder = settings.root if place.startswith("in") else tmp_path_factory.mktemp("elsewhere")
    code = folder / f"{name}.py"
    code.write_text("A = 1\n")
    monkeypatch.syspath_prepend(folder)

    def fingerprint(factor):
        import_module(name)
        project = collect(modules(None, factor=factor))
        return cache.compiled(settings, project, "duckdb").models["steps"].fingerprint

    forks.call(lambda: fingerprint(1))
    code.write_text("A = 2\n")
    changed = forks.call(lambda: fingerprint(2))
    assert changed == compiled(factor=2).models["steps"].fingerprint


def test_what_is_compared_with_windows_is_named_first():
    rows = ibis.table({"key": "string", "at": "int64"}, name="rows")
    first = rows.at.min().over(group_by=rows.key)
    for dialect in ("duckdb", "trino"):
        sql = to_sql(rows.filter(rows.at < first + 5), dialect)
        assert "QUALIFY" not in sql
        assert sql.startswith('SELECT "t1"."key", "t1"."at" FROM (')


def test_trino_is_asked_in_functions_that_it_has():
    rows = ibis.table({"at": INSTANT}, name="rows")
    number = rows.select(number=microseconds(rows["at"]))
    assert "EPOCH_US" in to_sql(number, "duckdb")
    assert "TO_UNIXTIME" in to_sql(number, "trino")
    assert "EPOCH_US" not in to_sql(number, "trino")
