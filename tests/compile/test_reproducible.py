"""What is compiled depends on the project's code alone, or is refused."""

import inspect
import itertools
import json
import re
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loopback import Scripted

import lakehouse
from chaos import forks
from lakehouse import config
from lakehouse.cli import main
from lakehouse.declare import project, project_code
from lakehouse.errors import ProjectError
from lakehouse.session import Session

_NUMBERS = itertools.count()
RAW = """
import os
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

class Wide(Rows):
    size: float if os.environ.get("WIDE") else int

@ingestion(table_name="rows", unique_key="id", validation_schema=Rows)
def rows():
    yield from ()

@ingestion(table_name="late_rows", unique_key="id", validation_schema=Late)
def late_rows():
    yield from ()

@ingestion(table_name="wide_rows", unique_key="id", validation_schema=Wide)
def wide_rows():
    yield from ()
"""
PLAIN = RAW.replace("datetime.now(UTC).year", "5").replace(
    'float if os.environ.get("WIDE")', "int if 1"
)
MODELS = """
import datetime as dt, getpass, os, pickle, pwd, random, socket, time, uuid
from datetime import date, datetime
from importlib import import_module
from os import environ
from pathlib import Path

import ibis
import pandas as pd
from dateutil.parser import parse
from lakehouse import Table, model
from pydantic import BaseModel

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
default = impure("default", lambda year=date.today().year: year)
found_module = impure("found_module", lambda: import_module("datetime").date.today())
of_pandas = impure("of_pandas", lambda: pd.Timestamp.today().year)
parsed = impure("parsed", lambda: parse("10:30"))
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
account = impure("account", lambda: pwd.getpwuid(os.getuid()).pw_name)
listing = impure("listing", lambda: [each.name for each in Path("/").iterdir()])
entries = impure("entries", lambda: [each.name for each in os.scandir("/")])
system = impure("system", lambda: os.uname().nodename)
machine = impure("machine", socket.gethostname)
pid = impure("pid", os.getpid)
zone = impure("zone", lambda: datetime(2024, 1, 1).astimezone())

class Period(BaseModel):
    first: date
    since: datetime

STARTED = time.time()
PERIOD = Period(first="2024-03-01", since="2024-03-01T00:00:00")

@model(kind=Table())
def pure(rows):
    words = {"a", "b"}
    since = pickle.loads(pickle.dumps(PERIOD.since))
    assert type(since) is datetime and issubclass(datetime, date)
    assert isinstance(pd.Timestamp(since), datetime)
    return rows.mutate(now=ibis.now(), sorted=ibis.literal(str(sorted(words))), since=since)
"""
CHECKS = """
import time
from dataclasses import dataclass
from datetime import datetime
from lakehouse import quality
from lakehouse.checks import CustomCheck, RangeCheck, RowRule

@dataclass(frozen=True)
class Counted(RowRule):
    label = "counted"

    def broken(self, table):
        return table.size > 3

    def failures(self, table):
        return (table.size > int(time.time()) // 86_400).sum()

@quality(table="{models}.pure", checks=[RangeCheck("size", max_value=datetime.now().year)])
def ranges(pure): ...

@quality(table="{models}.pure", blocking=False)
def function(pure):
    return pure.filter(pure.size > datetime.now().year)

@quality(table="{models}.pure", checks=[RangeCheck("size", max_value=5)])
def lasting(pure): ...

def recent(table):
    return table.size > datetime.now().year

@quality(table="{models}.pure", checks=[RangeCheck("size", max_value=5, where=recent)])
def chosen(pure): ...

@quality(table="raw.rows", checks=[CustomCheck("largest", lambda rows: recent(rows).any())])
def aggregate(rows): ...

@quality(table="raw.rows", checks=[RangeCheck("size", max_value=5)])
def lasting_too(rows): ...

@quality(table="{models}.now", checks=[Counted()])
def counted(now): ...
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
    names = message.partition("others: ")[2].partition(")")[0]
    return names.split(", ") if names else ()


@pytest.mark.long
def test_code_that_another_time_place_or_chance_changes_is_refused(write):
    settings = write(RAW, MODELS, CHECKS)
    found = project.load(settings)
    impure = {*found.tables, *found.checks} - {"rows", "pure", "lasting", "lasting_too"}
    assert refused(settings) == impure
    assert not list((settings.root / "__pycache__").glob("lakehouse-*"))


@pytest.mark.long
def test_a_refusal_says_where_the_function_stands(write, capsys):
    settings = write(PLAIN, "", "")
    (settings.root / settings.models / "silver.py").write_text(
        "from datetime import datetime\nfrom lakehouse import Table, model\n\n"
        "@model(kind=Table())\ndef late(rows):\n    return rows.mutate(at=datetime.now())\n"
    )
    assert main(["plan"]) == 2
    said = capsys.readouterr().err
    assert f" {settings.models}/silver.py:4: late compiles to something else" in said
    assert '"_ingested_at", MAKE_TIMESTAMP(\n' in said
    assert f"asks for the time at {settings.models}/silver.py:6;" in said
    assert "ibis.now()" in said


@pytest.mark.long
def test_a_refusal_shows_no_value(write, monkeypatch):
    monkeypatch.setenv("LIMIT", "hush-hush-5")
    code = (
        "import os\nfrom lakehouse import Table, model\n\n"
        "@model(kind=Table())\ndef kept(rows):\n"
        "    return rows.filter(rows.id != 'hush-hush').filter(rows.id != os.environ['LIMIT'])\n"
    )
    with pytest.raises(ProjectError, match='"id" <> …') as error:
        _ = Session(write(PLAIN, code)).compiled
    assert "the environment's LIMIT" in error.value.hint
    assert "hush" not in f"{error.value.message} {error.value.hint}"


@pytest.mark.long
def test_code_that_needs_this_environment_is_refused_without_a_value_of_it(write, monkeypatch):
    monkeypatch.setenv("LIMITS", '{"highest": "hush-hush"}')
    code = (
        "import json, os\nfrom lakehouse import Table, model\n\n"
        "LIMITS = json.loads(os.environ['LIMITS'])['highest']\n\n"
        "@model(kind=Table())\ndef good(rows):\n    return rows.mutate(limit=len(LIMITS))\n"
    )
    with pytest.raises(
        ProjectError, match="the project compiles here, but not in a process with another clock and"
    ) as error:
        _ = Session(write(PLAIN, code)).compiled
    assert re.search(r"silver.py:4: JSON|silver.py:4: TypeError", error.value.message)
    assert "hush-hush" not in str(error.value)


@pytest.mark.long
def test_check_compiles_anew_whatever_is_kept(write, monkeypatch, capsys):
    write(PLAIN, "", "")
    assert main(["plan"]) == 0
    anew = []
    monkeypatch.setattr(Session, "compile_anew", lambda *_: anew.append(1))
    assert main(["check"]) == 0
    assert anew == [1]
    capsys.readouterr()


READING = """
import json
from pathlib import Path
from lakehouse import Table, model

INSIDE = json.loads((Path(__file__).parent / "limits.json").read_text())
OUTSIDE = json.loads((Path(__file__).parents[1] / "limits.json").read_text())

@model(kind=Table())
def limited(rows):
    import helper_of_models
    return rows.filter(rows["size"] < INSIDE + OUTSIDE + helper_of_models.LIMIT)
"""


@pytest.mark.long
def test_what_a_project_reads_or_imports_on_the_way_is_part_of_its_code(write):
    settings = write(PLAIN, READING)
    files = {
        settings.root / settings.models / "limits.json": ("1", "2"),
        settings.root / "limits.json": ("10", "20"),
        settings.root / "helper_of_models.py": ("LIMIT = 100", "LIMIT = 200"),
    }
    for file, (text, _) in files.items():
        file.write_text(text)
    kept = settings.root / "__pycache__"
    assert in_a_new_process(settings).endswith("< 111")
    before = {file: file.stat().st_mtime_ns for file in kept.glob("lakehouse-*")}
    assert in_a_new_process(settings).endswith("< 111")
    assert {file: file.stat().st_mtime_ns for file in kept.glob("lakehouse-*")} == before
    for (file, (_, text)), limit in zip(files.items(), (112, 122, 222), strict=True):
        file.write_text(text)
        assert in_a_new_process(settings).endswith(f"< {limit}")


def in_a_new_process(settings):
    """The SQL of `limited` as a process has it that finds the code as it is now."""
    return forks.call(lambda: Session(settings).compiled.models["limited"].statement.sql)


@pytest.mark.long
def test_a_process_keeps_to_the_code_that_it_has_loaded(write):
    settings = write(PLAIN, READING.replace("INSIDE + OUTSIDE + helper_of_models.LIMIT", "5"))
    for file in (settings.root / settings.models / "limits.json", settings.root / "limits.json"):
        file.write_text("1")
    (settings.root / "helper_of_models.py").touch()
    code = settings.root / settings.models / "silver.py"
    kept = settings.root / "__pycache__"

    def months():
        first = Session(settings).compiled
        code.write_text(code.read_text().replace("< 5", "< 6"))
        again = Session(settings).compiled == first
        for file in kept.glob("lakehouse-*"):
            file.unlink()
        with pytest.raises(ProjectError, match="was changed after") as error:
            _ = Session(settings).compiled
        return again, error.value.hint

    assert forks.call(months) == (True, "start it again")
    assert in_a_new_process(settings).endswith("< 6")


@pytest.mark.long
def test_a_module_beside_the_working_folder_is_found(write, monkeypatch, tmp_path):
    code = "import near\nfrom lakehouse import Table, model\n\n"
    settings = write(PLAIN, code)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "near.py").touch()
    monkeypatch.chdir(tmp_path / "beside")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert Session(settings).compiled.schemas


@pytest.mark.parametrize(
    ("file", "is_its"),
    [
        (f"{Path(lakehouse.__file__).parent}_of_ours/models/silver.py", True),
        (f"{sys.prefix}/app/models/silver.py", True),
        (f"{sys.base_prefix}/src/app/models/silver.py", True),
        (inspect.getsourcefile(config), False),
        (inspect.getsourcefile(inspect), False),
        (inspect.getsourcefile(pytest), False),
        ("<string>", False),
    ],
)
def test_code_is_the_projects_wherever_python_lies(file, is_its):
    assert project_code.is_project_code(file) == is_its


class TwoDaysAgo(datetime):
    """A clock that is two days behind."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(days=2)


@pytest.mark.long
def test_a_live_reading_is_good_by_rules_that_were_compiled_two_days_ago(
    lakehouse, monkeypatch, tmp_path
):
    from ingestion import schema

    (tmp_path / "__pycache__").unlink()
    monkeypatch.setattr(schema, "datetime", TwoDaysAgo)
    assert lakehouse("plan")[0] == 0
    monkeypatch.setattr(schema, "datetime", datetime)
    assert len(list((tmp_path / "__pycache__").glob("lakehouse-duckdb-*"))) == 1
    now = int(time.time() * 1000)
    answer = json.dumps([{"_id": "a", "type": "sgv", "date": now, "sgv": 105}]).encode()
    with Scripted(lambda handler: handler.send(200, answer)) as source:
        monkeypatch.setenv("NIGHTSCOUT_URL", source.url)
        code, report = lakehouse("run")
    assert code == 0
    merged = next(node for node in report["nodes"] if node["node"] == "raw.glucose_entries")
    assert merged["counts"]["new"] == 1
    assert lakehouse("quarantine")[1] == []
