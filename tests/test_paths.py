"""Any path serves as a home, and an address means the same file however it is spelled."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from toy import Source, at, event

from lakehouse import storage
from lakehouse.catalogs import iceberg
from lakehouse.engines.sql import path_literal
from lakehouse.errors import StorageError
from lakehouse.history.diff import diff
from lakehouse.ingest.stage import load, part_of
from lakehouse.maintain import files, maintain

TABLES = ("raw.events", "silver.steps", "marts.daily", "marts.total")
ODD = ' +,@\'&(%#?";"$`*[{=:~!|<>]})äé日🩸e\u0301\t\n%20%s day=1999-01-01 '
"""One name with all that some program takes for something else than a part of a name."""
EAGER = "[project]\n[maintain]\nkeep_days = 0\ngrace_hours = 0\n"
paths = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40).map(
    lambda text: str(Path(f"/{text.lstrip('/')}"))
)


def lived(toy, source):
    """Days with a late reading, upkeep and a rollback; the rows after each."""
    seen = []
    source.rows = [event(f"e{day}", day, at(day)) for day in range(4)]
    toy.run(0, 3)
    seen.append({table: toy.rows(table) for table in TABLES})
    source.rows.append(event("late", 7, at(2)))
    toy.run(2)
    with toy.session as session:
        seen.append(sorted(each.table for each in diff(session, "main", "main")))
        maintain(session)
    seen.append({table: toy.rows(table) for table in TABLES})
    seen.append([row["status"] for row in toy.rows("lakehouse.runs")])
    return seen


@pytest.mark.sample(0, long=4)
@pytest.mark.parametrize("name", [ODD, "back\\slash", "-rf", ".hidden"])
def test_a_home_at_an_odd_path_becomes_what_any_other_does(fresh, tmp_path, name):
    plain, odd = fresh(Source()), fresh(Source())
    beside = tmp_path / "beside"
    odd.environment["LAKEHOUSE_HOME"] = str(beside / name)
    for toy in (plain, odd):
        (toy.folder / "lakehouse.toml").write_text(EAGER)
    assert lived(odd, odd.source) == lived(plain, plain.source)
    assert [path.name for path in beside.iterdir()] == [name]
    assert (beside / name).stat().st_mode & 0o077 == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", [ODD, "%", "*", "?", "a\\b", "%41"])
def test_pages_are_staged_at_any_path_and_nowhere_else(tmp_path, name):
    page = pa.table({"x": [1, 2]})
    folder = tmp_path / "home" / name / "staging"
    (staged,) = load([("row", page)], ["row"], group="toy", folder=folder)["row"]
    with Path(staged).open("rb") as file:
        assert parquet.read_table(file).num_rows == 2
    assert Path(staged).parent == folder / "toy" / part_of("row", page.schema)
    assert [path.name for path in (tmp_path / "home").iterdir()] == [name]


@given(paths)
def test_a_path_and_its_file_address_mean_the_same(path):
    assert storage.local(path) == path
    assert storage.local(Path(path).as_uri()) == path


@pytest.mark.long
@given(st.lists(st.text("*?[]!^-ab", min_size=1, max_size=6), min_size=2, max_size=5, unique=True))
def test_duckdb_reads_the_named_file_and_none_that_a_pattern_would_find(
    tmp_path_factory, engine, names
):
    folder = tmp_path_factory.mktemp("named")
    for number, name in enumerate(names):
        with (folder / name).open("wb") as file:
            parquet.write_table(pa.table({"x": [number]}), file)
    for number, name in enumerate(names):
        rows = f"read_parquet([{path_literal(str(folder / name))}])"
        assert engine.connection.execute(f"SELECT x FROM {rows}").fetchall() == [(number,)]


@pytest.fixture
def old_toy(toy, source, monkeypatch):
    """A home whose tables an earlier version made, which named places by file: addresses."""
    write = iceberg.write
    with monkeypatch.context() as earlier:
        earlier.setattr(
            iceberg,
            "write",
            lambda catalog, change, place: write(catalog, change, Path(place).as_uri()),
        )
        source.rows = [event(f"e{day}", day, at(day)) for day in range(3)]
        toy.run(0, 1)
    (toy.folder / "lakehouse.toml").write_text(EAGER)
    return toy


@pytest.mark.long
def test_a_home_that_names_places_by_address_goes_on_and_nothing_needed_is_removed(old_toy, fresh):
    toy, plain = old_toy, fresh(old_toy.source)
    before = {table: toy.rows(table) for table in TABLES}
    assert all(place.startswith("file://") for place in toy.session.catalog.places("main").values())
    toy.session.catalog.tag("first", "main")
    for each in (toy, plain):
        each.change(factor=2)  # tables of this one get new metadata, of both spellings
        each.run(0, 2)
        with each.session as session:
            maintain(session)
    assert {table: toy.rows(table, "first") for table in TABLES} == before
    assert {t: toy.rows(t) for t in TABLES} == {t: plain.rows(t) for t in TABLES}
    with toy.session as session:
        assert {each.table for each in diff(session, "first", "main")} == {*TABLES}
        assert files.needed(session, at(0) - timedelta(days=1)) <= {
            found.path for found in files.stored(session.settings.warehouse)
        }


@pytest.mark.long
def test_upkeep_removes_nothing_if_a_needed_file_is_not_found_by_its_name(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run()
    toy.run(1)
    (toy.folder / "lakehouse.toml").write_text(EAGER)
    warehouse = toy.session.settings.warehouse
    lost = next(warehouse.glob("silver/steps/data/**/*.parquet"))
    lost.rename(lost.with_name("elsewhere.parquet"))
    stored = {found.path for found in files.stored(warehouse)}
    with pytest.raises(StorageError, match="are not in"), toy.session as session:
        maintain(session)
    assert {found.path for found in files.stored(warehouse)} == stored
