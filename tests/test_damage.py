"""Small files that were damaged are passed over with a warning; no command fails over them."""

import gzip
import json
import shutil

import pytest
from kinds_of_damage import KINDS, folder

from lakehouse.cli import main

DAY = "2024-03-15"
MART = "mrt_glucose_overview"
COMMANDS = (
    ("plan", "--date", DAY),
    ("log",),
    ("branches",),
    ("alerts",),
    ("query", "select run, status, counts from lakehouse.nodes join lakehouse.runs using (run)"),
    ("why", f"marts.{MART}", f"reading_date={DAY}"),
    ("run", "--date", DAY),
    ("maintain",),
    ("doctor",),
)
SMALL = ("record", "older record", "mark", "memory", "ledger", "code", "compiled", "journal")


@pytest.fixture
def home(lakehouse, tmp_path, compiled, monkeypatch):
    """A home with each kind of small file: two runs, one of which did not end well."""
    (tmp_path / "__pycache__").unlink()
    (tmp_path / "__pycache__").mkdir()
    for file in compiled.glob("lakehouse-sql-*.json"):  # compiling takes less time with it
        shutil.copy(file, tmp_path / "__pycache__")
    monkeypatch.setenv("LAKEHOUSE_ALERTS", "json://127.0.0.1:9")
    assert lakehouse("run", "--date", DAY)[0] == 0
    return tmp_path / "home"


@pytest.fixture
def small(home, lakehouse, tmp_path, monkeypatch):
    """Its small files by kind."""
    warehouse = home / "warehouse"
    with monkeypatch.context() as context:
        context.setenv(
            "NIGHTSCOUT_URL", "http://127.0.0.1:9"
        )  # nobody answers: an alert, a journal
        assert lakehouse("backfill", "--from", DAY, "--to", DAY)[0] != 0
    newest, oldest = sorted(warehouse.glob("runs/*"), reverse=True)
    older = oldest.with_suffix("")
    older.write_bytes(gzip.decompress(oldest.read_bytes()))
    oldest.unlink()
    (journal,) = warehouse.glob("staging/*/journal.jsonl")
    (compiled,) = tmp_path.glob("__pycache__/lakehouse-duckdb-*.json")
    return {
        "record": newest,
        "older record": older,
        "mark": home / "format",
        "memory": home / "published",
        "ledger": home / "alerts.json",
        "code": next(p for p in warehouse.glob("code/*.json") if MART in p.read_text()[:99]),
        "compiled": compiled,
        "journal": journal,
    }


def unharmed(capsys, commands=COMMANDS):
    """Run commands: each works, or says in a line which file to move away; what they warned of."""
    warned = set()
    for command in commands:
        code = main([*command, "--format", "json"])
        said = capsys.readouterr()
        document = json.loads(said.out)
        lines = said.err.splitlines()
        assert code in {0, 1, 2}, command
        assert not [line for line in lines if "unexpected" in line or "Traceback" in line], command
        if code == 2:
            problems = document if command == ("doctor",) else [document]
            assert all("is a folder" in str(each) for each in problems if each.get("error")), (
                command
            )
        found = [line for line in lines if line.startswith("warning: /")]
        assert len(found) == len({*found}), command
        warned |= {line.split()[1] for line in found}
    return warned


@pytest.mark.sample(0, long=2)
@pytest.mark.parametrize("kind", KINDS)
def test_no_command_fails_over_small_files(kind, small, capsys):
    if kind == "folder":
        del small["mark"]  # there is no going on without it, see below
    for place in small.values():
        KINDS[kind](place)
    warned = unharmed(capsys)
    assert warned <= {str(place) for place in small.values()}
    expected = ("record", "older record", "ledger", "code", "compiled")
    assert {str(small[name]) for name in expected} <= warned


@pytest.mark.long
def test_what_no_command_can_go_on_without_is_named(home, lakehouse):
    folder(home / "format")
    code, said = lakehouse("log")
    assert (code, said["error"]) == (2, f"{home}/format is a folder, where a file belongs")


@pytest.mark.long
def test_a_branch_whose_record_is_damaged_is_kept(lakehouse, tmp_path, capsys):
    code, held = lakehouse("run", "--date", DAY, "--no-merge")
    (record,) = (tmp_path / "home").glob("warehouse/runs/*")
    KINDS["cut"](record)
    assert unharmed(capsys, [("run", "--date", DAY), ("maintain",)]) == {str(record)}
    assert [each["branch"] for each in lakehouse("branches")[1]] == [held["branch"]]
    code, said = lakehouse("merge", held["run"])
    assert (code, str(record) in said["error"]) == (2, True)
