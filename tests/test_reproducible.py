"""What is compiled depends on the project's code alone, or is refused."""

import itertools
import json
import time
from datetime import datetime, timedelta

import pytest
from loopback import Scripted

from lakehouse import config, project
from lakehouse.cli import main
from lakehouse.errors import ProjectError
from lakehouse.session import Session

_NUMBERS = itertools.count()
RAW = """
import pandera.ibis as pa
from datetime import datetime, UTC
from lakehouse import ingestion

class Rows(pa.DataFrameModel):
    id: str
    size: int

class Late(Rows):
    @pa.dataframe_check(description="late")
    @classmethod
    def late(cls, data):
        return data.table["size"] < datetime.now(UTC).year

@ingestion(table_name="rows", unique_key="id", validation_schema=Rows)
def rows():
    yield from ()

@ingestion(table_name="late_rows", unique_key="id", validation_schema=Late)
def late_rows():
    yield from ()
"""
MODELS = """
import datetime as dt, getpass, os, random, socket, time, uuid
from datetime import date, datetime
from os import environ
from pathlib import Path

import ibis
from lakehouse import Table, model

AT_IMPORT = datetime.now()

def impure(name, value):
    def function(rows):
        return rows.mutate(other=ibis.literal(str(value())))
    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    return model(kind=Table())(function)

now = impure("now", datetime.now)
module_now = impure("module_now", lambda: dt.datetime.now(dt.UTC).year)
today = impure("today", date.today)
at_import = impure("at_import", lambda: AT_IMPORT.year)
seconds = impure("seconds", time.time)
month = impure("month", lambda: time.strftime("%Y-%m"))
chance = impure("chance", random.random)
name = impure("name", uuid.uuid4)
order = impure("order", lambda: set("abcdefgh"))
unset = impure("unset", lambda: environ.get("NO_SUCH_LIMIT", "5"))
asked = impure("asked", lambda: os.getenv("NO_SUCH_LIMIT", 5))
listed = impure("listed", lambda: "NO_SUCH_LIMIT" in os.environ)
home = impure("home", Path.home)
folder = impure("folder", Path.cwd)
user = impure("user", getpass.getuser)
machine = impure("machine", socket.gethostname)
pid = impure("pid", os.getpid)
zone = impure("zone", lambda: datetime(2024, 1, 1).astimezone())

@model(kind=Table())
def pure(rows):
    words = {"a", "b"}
    since = datetime(2024, 3, 1)
    assert isinstance(since, datetime)
    return rows.mutate(now=ibis.now(), sorted=ibis.literal(str(sorted(words))), since=since)
"""
CHECKS = """
from datetime import datetime
from lakehouse import quality
from lakehouse.checks import RangeCheck

@quality(table="{models}.pure", checks=[RangeCheck("size", max_value=datetime.now().year)])
def ranges(pure): ...

@quality(table="{models}.pure", blocking=False)
def function(pure):
    return pure.filter(pure.size > datetime.now().year)

@quality(table="{models}.pure", checks=[RangeCheck("size", max_value=5)])
def lasting(pure): ...
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the packages of a project; its settings."""

    def packages(raw, models, checks=""):
        number = next(_NUMBERS)
        names = {"ingestion": f"raw_{number}", "models": f"models_{number}"}
        for name in names.values():
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").touch()
        (tmp_path / names["ingestion"] / "raw.py").write_text(raw)
        (tmp_path / names["models"] / "silver.py").write_text(models)
        (tmp_path / names["models"] / "checks.py").write_text(checks.format(models="silver"))
        lines = [f'{key} = "{value}"' for key, value in names.items()]
        (tmp_path / "lakehouse.toml").write_text("\n".join(["[project]", *lines]))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
        return config.load(tmp_path)

    return packages


def refused(settings):
    """The functions that are named when the project is compiled."""
    with pytest.raises(ProjectError) as error:
        _ = Session(settings).compiled
    message = error.value.message
    return {message.partition(" compiles")[0].rpartition(" ")[2], *_others(message)}


def _others(message):
    return message.partition("others: ")[2].rstrip(")").split(", ") if "others" in message else ()


def test_code_that_another_time_place_or_chance_changes_is_refused(write):
    settings = write(RAW, MODELS, CHECKS)
    found = project.load(settings)
    impure = {*found.models} - {"pure"} | {"late_rows", "ranges", "function"}
    assert refused(settings) == impure
    assert not list((settings.root / "__pycache__").glob("lakehouse-*"))


def test_a_refusal_says_where_the_function_stands(write, capsys):
    settings = write(RAW.replace("datetime.now(UTC).year", "5"), "", "")
    (settings.root / settings.models / "silver.py").write_text(
        "from datetime import datetime\nfrom lakehouse import Table, model\n\n"
        "@model(kind=Table())\ndef late(rows):\n    return rows.mutate(at=datetime.now())\n"
    )
    assert main(["plan"]) == 2
    said = capsys.readouterr().err
    assert f"{settings.models}/silver.py:4: late compiles to something else" in said
    assert "ibis.now()" in said


def test_code_that_needs_this_environment_is_refused_without_a_value_of_it(write, monkeypatch):
    monkeypatch.setenv("LIMITS", '{"highest": "hush-hush"}')
    raw = RAW.replace("datetime.now(UTC).year", "5")
    code = (
        "import json, os\nfrom lakehouse import Table, model\n\n"
        "LIMITS = json.loads(os.environ['LIMITS'])['highest']\n\n"
        "@model(kind=Table())\ndef good(rows):\n    return rows.mutate(limit=len(LIMITS))\n"
    )
    with pytest.raises(ProjectError, match="cannot be compiled at another time") as error:
        _ = Session(write(raw, code)).compiled
    assert "hush-hush" not in str(error.value)


def test_check_compiles_anew_whatever_is_kept(write, monkeypatch, capsys):
    write(RAW.replace("datetime.now(UTC).year", "5"), "", "")
    assert main(["plan"]) == 0
    anew = []
    monkeypatch.setattr(Session, "compile_anew", lambda *_: anew.append(1))
    assert main(["check"]) == 0
    assert anew == [1]
    capsys.readouterr()


def test_a_file_that_a_project_reads_is_part_of_its_code(write):
    settings = write(RAW.replace("datetime.now(UTC).year", "5"), "", "")
    table = settings.root / settings.models / "limits.json"
    table.write_text("1")
    first = Session(settings).compiled
    kept = settings.root / "__pycache__"
    assert len(list(kept.glob("lakehouse-*"))) == 1
    assert Session(settings).compiled == first
    assert len(list(kept.glob("lakehouse-*"))) == 1
    table.write_text("22")
    _ = Session(settings).compiled
    assert len(list(kept.glob("lakehouse-*"))) == 2


class TwoDaysAgo(datetime):
    """A clock that is two days behind."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(days=2)


def test_a_live_reading_is_good_by_rules_that_were_compiled_two_days_ago(
    lakehouse, monkeypatch, tmp_path
):
    from ingestion import schema

    (tmp_path / "__pycache__").unlink()
    monkeypatch.setattr(schema, "datetime", TwoDaysAgo)
    assert lakehouse("plan")[0] == 0
    monkeypatch.setattr(schema, "datetime", datetime)
    assert len(list((tmp_path / "__pycache__").glob("lakehouse-*"))) == 1
    now = int(time.time() * 1000)
    answer = json.dumps([{"_id": "a", "type": "sgv", "date": now, "sgv": 105}]).encode()
    with Scripted(lambda handler: handler.send(200, answer)) as source:
        monkeypatch.setenv("NIGHTSCOUT_URL", source.url)
        code, report = lakehouse("run")
    assert code == 0
    merged = next(node for node in report["nodes"] if node["node"] == "raw.glucose_entries")
    assert merged["counts"]["new"] == 1
    assert lakehouse("quarantine")[1] == []
