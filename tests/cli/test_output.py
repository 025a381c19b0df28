"""What commands print: valid JSON, every value, and nothing that a terminal would act upon."""

import functools
import importlib
import json
import math
import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import query

from ingestion.nightscout import glucose_entries
from lakehouse.cli import _COMMANDS, cli, main
from lakehouse.cli.json_results import to_json
from lakehouse.cli.output import Output, table
from lakehouse.declare.specs import spec_of
from lakehouse.engines.python_rows import distinct, of_arrow, values
from lakehouse.plan.state import Change, TableState
from lakehouse.plan.what_to_build import fetch_windows
from lakehouse.windows import ALL_TIME, Window, subtract

ROOT = Path(__file__).parents[2]
CONTROLS = "".join(map(chr, [*range(32), *range(127, 160)]))
HIDDEN = "\u200b\u200e\u2028\u2029\u202a\u202e\u2060\u2066\u2069\ufeff\U000e0041\ud800"
NASTY = f"\x1b[2J\x1b]0;title\x07\x9b31m{CONTROLS}{HIDDEN}é€字😀"
ARGUMENTS = {
    "backfill": ["--from", "2024-03-01", "--to", "2024-03-02"],
    "diff": ["a..b"],
    "merge": ["x"],
    "query": ["select 1"],
    "rollback": ["x"],
    "show": ["x"],
    "snooze": ["all", "--for", "1h"],
    "why": ["a.b", "c=d"],
}
"""What the commands take that take anything."""


# JSON

texts = st.text(st.characters(codec=None, exclude_categories=()))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals().filter(lambda number: not number.is_snan())
    | st.floats()
    | texts
)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)


@pytest.mark.long
@given(nested, st.booleans())
def test_whatever_a_document_holds_is_read_again_from_its_json(document, only_ascii):
    printed = to_json(document, only_ascii=only_ascii)
    read = json.loads(printed, parse_float=Decimal, parse_constant=pytest.fail)
    assert read == _expected(document)
    assert is_harmless(printed.replace("\n", ""))
    assert printed.isascii() or not only_ascii


def _expected(value):
    if isinstance(value, dict):
        return {key: _expected(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expected(item) for item in value]
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return Decimal(repr(value)) if isinstance(value, float) else value


def is_harmless(text):
    return all(character.isprintable() or character.isspace() for character in text) and not (
        set(text) & set(CONTROLS + HIDDEN)
    )


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (Decimal("1.10"), "1.10"),
        (Decimal("123456789012345678901234567890.123"), "123456789012345678901234567890.123"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), '"NaN"'),
        (2**53 + 1, "9007199254740993"),
        (b"\x00\xff", r'"\\x00ff"'),
        (timedelta(days=1, seconds=2.5), '"P1DT2.5S"'),
        (timedelta(seconds=-1), '"P-1DT86399S"'),
        (timedelta(), '"PT0S"'),
        (pa.scalar((1, 2, 3_500_000_000), pa.month_day_nano_interval()).as_py(), '"P1M2DT3.5S"'),
        (
            datetime.fromisoformat("2024-03-15T00:00:00.5+02:00"),
            '"2024-03-15T00:00:00.500000+02:00"',
        ),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        ((1, 2), "[\n 1,\n 2\n]"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_what_json_does_not_have_is_exact_text(value, printed):
    assert to_json(value) == printed


# Rows


@given(st.lists(st.sampled_from(["a", "a_1", "a_2", "b", ""])))
def test_columns_of_one_name_are_told_apart_and_others_keep_theirs(names):
    made = distinct(names)
    assert len(set(made)) == len(made) == len(names)
    assert all(name == old for name, old in zip(made, names, strict=True) if names.count(old) == 1)
    assert [names.index(name) for name in dict.fromkeys(names)] == [
        made.index(name) for name in dict.fromkeys(names)
    ]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("date '10000-01-01'", "10000-01-01"),
        ("date 'infinity'", "infinity"),
        ("date '-infinity'", "-infinity"),
        ("timestamp 'infinity'", "infinity"),
        ("timestamp '-infinity'", "-infinity"),
        ("timestamptz '-infinity'", "-infinity"),
        ("timestamp '12024-03-15 01:02:03'", "12024-03-15 01:02:03.000000"),
        ("[date '10000-01-01', date '2024-03-15']", ["10000-01-01", date(2024, 3, 15)]),
        ("{'a': date 'infinity', 'b': 1}", {"a": "infinity", "b": 1}),
        ("null::date", None),
    ],
)
def test_instants_beyond_those_of_python_are_text(sql, value):
    rows = of_arrow(duckdb.sql(f"SELECT {sql} AS a UNION ALL SELECT {sql}").to_arrow_table())
    assert rows == [{"a": value}] * 2


@pytest.mark.parametrize(("unit", "zone"), [("us", "UTC"), ("ms", "UTC"), ("us", "Europe/Oslo")])
def test_instants_are_the_ones_that_arrow_makes(unit, zone):
    column = pa.chunked_array(
        [pa.array([0, None, 1_710_464_523_000]).cast(pa.timestamp(unit, zone))]
    )
    assert values(column) == column.to_pylist()
    assert [value and value.utcoffset() for value in values(column)] == [
        value and value.utcoffset() for value in column.to_pylist()
    ]


def test_postgres_keeps_columns_and_instants_too(database):
    sql = "select 'infinity'::timestamptz a, date '10000-01-01' a, 1.10 a, 'nan'::float8 a_1"
    (row,) = query(database, sql)
    assert json.loads(to_json(row), parse_float=str) == {
        "a": "infinity",
        "a_2": "10000-01-01",
        "a_3": "1.10",
        "a_1": "NaN",
    }


# Terminals


@given(texts)
def test_no_text_of_a_source_reaches_a_terminal_as_it_is(text):
    printed = table([{f"c{text}": text}])
    assert is_harmless(printed.replace("\n", ""))
    assert printed.count("\n") == 2


def test_everything_that_is_said_is_made_harmless(capsys):
    output = Output(verbose=True)
    for say in (output.error, output.warning, output.detail):
        say(NASTY)
    output.error("short", hint=NASTY)
    output.result(None, NASTY)
    output.trace(ValueError(NASTY))
    printed = capsys.readouterr()
    assert is_harmless((printed.out + printed.err).replace("\n", "").replace("\t", ""))
    assert r"\x1b[2J\x1b]0;title\x07\x9b31m" in printed.out
    assert "é€字😀" in printed.out


def test_a_message_of_several_lines_begins_no_line_of_its_own(capsys):
    Output().warning("one\nerror: two")
    assert capsys.readouterr().err == "warning: one\n  error: two\n"


def test_tabs_and_blanks_of_all_kinds_stay(capsys):
    Output().result(None, "a\tb\u00a0c\u3000d")
    assert capsys.readouterr().out == "a\tb\u00a0c\u3000d\n"


# Streams

PROGRAM = """
import sys
from lakehouse.cli.output import Output, table
rows = [{"é": "→ €", "n": 1}]
Output(sys.argv[1]).result(rows, table(rows))
"""


def say(style, **options):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, style],
        check=False,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.sample(4)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("style", ["text", "json"])
def test_any_encoding_of_stdout_will_do(encoding, style):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = say(style, env=environment, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode(encoding)
    if style == "json":
        assert json.loads(printed) == [{"é": "→ €", "n": 1}]
    else:
        assert ("─" in printed) == encoding.startswith("utf")
        assert "n" in printed


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "lakehouse", *arguments],
        check=False,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.long
def test_a_stdout_that_is_full_is_an_error_in_words():
    with Path("/dev/full").open("w") as full:
        done = run("dag", "--format", "json", stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the result could not be written: No space left on device")
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_stdout_that_is_closed_is_an_error_in_words():
    done = run("dag", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "error: the result could not be written: stdout is closed",
    )


def test_no_file_gets_the_number_of_a_stream_that_is_closed(tmp_path):
    program = """
from lakehouse import __main__ as module
module.main = lambda: open("file", "w").fileno()  # what is the exit code of a command
module.script()
"""
    closed = functools.partial(os.closerange, 0, 3)
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=closed,
    )
    assert done.returncode > 2


@pytest.mark.long
def test_a_reader_that_has_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = run("dag", stdout=gone)
    assert (done.returncode, done.stderr) == (0, "")


# One document, whatever happens


def commands():
    return [words for name in _COMMANDS for words in _with_those_below(name)]


def _with_those_below(name):
    module = importlib.import_module(f"lakehouse.cli.{_COMMANDS[name][1]}")
    below = getattr(getattr(module, name), "commands", ())
    return [(name,), *((name, each) for each in below)]


def document(capsys, *arguments):
    code = main([*arguments, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_wrong_arguments_are_one_document(words, capsys):
    code, said = document(capsys, *words, "--no-such-option")
    assert (code, set(said)) == (2, {"error", "hint"})


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_folder_that_is_no_project_is_one_document(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ARGUMENTS.get(words[0], []) if len(words) == 1 else []
    code, said = document(capsys, *words, *given)
    assert (code, set(said)) == (2, {"error", "hint"})


def test_being_interrupted_is_one_document(capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    code, said = document(capsys, "run")
    assert (code, set(said)) == (130, {"error", "hint"})


@pytest.mark.parametrize(
    ("arguments", "is_json"),
    [
        (["query", "--format json", "--nope"], False),
        (["query", "x", "--format", "text", "--nope"], False),
        (["query", "--format=json", "--nope"], True),
    ],
)
def test_the_style_is_known_where_arguments_are_wrong(arguments, is_json, capsys):
    main(arguments)
    assert capsys.readouterr().out.startswith("{") == is_json


# Times at the edges

EDGES = ["0001-01-01", "9998-12-31", "9999-12-31", "10000-01-01", "0000-01-01", "2023-02-29", "-1"]


@pytest.mark.parametrize("day", EDGES)
@pytest.mark.parametrize(
    "words",
    [
        ("run", "--date"),
        ("plan", "--date"),
        ("backfill", "--to", "2024-03-15", "--from"),
        ("backfill", "--from", "2024-03-15", "--to"),
        ("query", "select 1", "--at"),
    ],
    ids=" ".join,
)
def test_days_that_no_calendar_or_clock_has_are_refused_in_words(words, day, capsys):
    code, said = document(capsys, *words, day)
    assert code == 2
    assert said["error"].startswith("Invalid value for")


@pytest.mark.parametrize("length", ["9" * 30 + "w", "1001y", "999999999999s", "1²d", "0.5d"])
def test_lengths_of_time_that_no_clock_has_are_refused_in_words(length, capsys):
    code, said = document(capsys, "snooze", "all", "--for", length)
    assert code == 2
    assert "Invalid value for '--for'" in said["error"]


FIRST_AND_LAST = [
    ("0001-01-02", "Pacific/Kiritimati"),
    ("1969-07-20", "UTC"),
    ("2024-03-31", "Europe/Oslo"),
    ("9998-12-30", "Etc/GMT+12"),
]


@pytest.mark.long
@pytest.mark.parametrize(("day", "zone"), FIRST_AND_LAST)
def test_the_first_and_the_last_day_can_be_planned(day, zone, lakehouse, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_TIMEZONE", zone)
    code, nodes = lakehouse("plan", "--date", day, "--force")
    assert code == 0
    assert nodes


@pytest.mark.parametrize(("day", "zone"), FIRST_AND_LAST)
def test_the_overlap_before_the_first_day_ends_where_time_begins(day, zone):
    asked = (Window.of_days(date.fromisoformat(day), date.fromisoformat(day), ZoneInfo(zone)),)
    state = TableState("code", (Change("run", (ALL_TIME,)),), covered=(ALL_TIME,))
    fetched = fetch_windows(spec_of(glucose_entries), asked, state)
    assert subtract(asked, fetched) == ()
    assert subtract(fetched, asked)
