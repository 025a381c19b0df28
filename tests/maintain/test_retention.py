"""Retention: old raw rows move to an archive, and what was built from them stays."""

from datetime import timedelta

import pytest
from archived_days import DAYS, KEPT
from toy import FIRST, Source, at, event

from lakehouse.errors import ConfigError, ProjectError
from lakehouse.history.diff import diff_table
from lakehouse.maintain import maintain

MODELS = ("silver.steps", "marts.daily", "marts.total")


def upkeep(toy, **options):
    with toy.session as session:
        return maintain(session, **options)


@pytest.fixture
def old(toy, source):
    """A home with days of March, April and May, not archived yet."""
    source.rows = [event(f"e{day}", day + 1, at(day)) for day in DAYS]
    toy.change(retention=KEPT)
    toy.run(0, 70)
    return toy


@pytest.fixture
def archived(old):
    """The same, with March and April archived."""
    upkeep(old)
    return old


def built(toy):
    return {table: toy.rows(table) for table in MODELS}


def test_what_is_older_moves_to_files_of_its_own(archived):
    assert [row["id"] for row in archived.rows("raw.events")] == ["e61", "e70"]
    folder = archived.session.settings.warehouse / "archive" / "raw" / "events"
    files = "read_parquet('" + str(folder) + "/**/*.parquet')"
    rows = archived.engine.connection.execute(f"SELECT id FROM {files} ORDER BY id").fetchall()
    assert [row[0] for row in rows] == ["e0", "e1", "e35", "e60"]


def files_of(toy):
    return f"{toy.session.settings.warehouse}/archive/raw/events/**/*.parquet"


@pytest.mark.long
def test_what_was_archived_is_queried_with_what_stayed(archived):
    old = f"read_parquet('{files_of(archived)}', hive_partitioning = false)"
    sql = f"select id from (from raw.events union all by name from {old}) order by id"
    rows = archived.session.query(sql).to_pylist()
    assert [row["id"] for row in rows] == sorted(f"e{day}" for day in DAYS)


@pytest.mark.long
def test_what_was_archived_can_be_built_again_in_another_home(archived, fresh):
    class Archive(Source):
        def read(self, window):
            yield archived.engine.connection.execute(
                "SELECT * EXCLUDE (_run_id, _ingested_at)"
                ' FROM read_parquet(?, hive_partitioning = false) WHERE "at" >= ? AND "at" < ?',
                [files_of(archived), window.start, window.end],
            ).to_arrow_table()

    again = fresh(Archive())
    again.run(0, 60)
    days = [row for row in archived.rows("marts.daily") if row["day"].isoformat() < "2024-05"]
    assert again.rows("marts.daily") == days
    assert len(days) == 4


@pytest.mark.long
def test_the_log_says_so(archived):
    newest = archived.session.catalog.head()
    assert newest.message == "archive 4 rows of raw.events before 2024-05-01"
    assert newest.tables == ("raw.events",)


@pytest.mark.long
def test_models_keep_what_was_built_from_it(old):
    before, published = built(old), old.published("daily")
    upkeep(old)
    assert built(old) == before
    assert old.run(70).status == "nothing to do"
    assert (built(old), old.published("daily")) == (before, published)


@pytest.mark.long
def test_archiving_again_finds_nothing(archived):
    head = archived.head()
    upkeep(archived)
    assert archived.head() == head


@pytest.mark.long
def test_a_dry_run_moves_nothing(old):
    head = old.head()
    report = upkeep(old, dry_run=True)
    assert ("archive", "raw.events", 4) in [(n.step, n.node, n.rows) for n in report.nodes]
    assert old.head() == head
    assert not (old.session.settings.warehouse / "archive").exists()


@pytest.mark.long
def test_a_day_that_is_archived_is_not_fetched_again(archived, source):
    before = built(archived)
    source.rows = [event("e0", 999, at(0)), event("new", 5, at(1))]
    assert archived.run(0, 1).status == "nothing to do"
    assert built(archived) == before


@pytest.mark.long
def test_of_a_longer_window_only_the_rest_is_fetched(archived, source):
    source.rows = [event("e1", 400, at(1)), event("e61", 400, at(61))]
    archived.run(0, 70)
    totals = {row["day"].isoformat(): row["total"] for row in archived.rows("marts.daily")}
    assert (totals["2024-03-02"], totals["2024-05-01"]) == (2, 62)  # May 1 looks back on April
    source.rows.append(event("e70", 400, at(70)))
    archived.run(0, 70)
    totals = {row["day"].isoformat(): row["total"] for row in archived.rows("marts.daily")}
    assert totals["2024-05-10"] == 400


@pytest.mark.long
def test_archived_days_are_not_missing(archived):
    asked = archived.session.days(FIRST, FIRST + timedelta(days=75))
    assert [str(window) for window in archived.session.missing(asked)] == [
        "[2024-05-11, 2024-05-16)"
    ]


@pytest.mark.long
def test_a_full_refresh_keeps_what_cannot_be_built_again(archived):
    before = built(archived)
    archived.run(70, full_refresh=True)
    assert built(archived) == before


@pytest.mark.long
def test_changed_code_holds_for_what_can_be_built_again(archived):
    archived.change(retention=KEPT, factor=2)
    archived.run(70)
    totals = {row["day"].isoformat(): row["total"] for row in archived.rows("marts.daily")}
    assert (totals["2024-04-30"], totals["2024-05-10"]) == (61, 142)
    assert archived.run(70).status == "nothing to do"


@pytest.mark.long
def test_a_model_that_would_lose_its_past_forbids_it(old, source):
    from lakehouse import Table

    old.change(retention=KEPT, kind=Table())
    old.run(70)
    with pytest.raises(ProjectError, match=r"silver\.steps is rebuilt from all of raw\.events"):
        upkeep(old)
    assert len(old.rows("raw.events")) == 6


@pytest.mark.long
def test_a_rollback_brings_archived_rows_back(archived):
    before = archived.session.catalog.log()[1]
    archived.session.catalog.rollback(before.id, run_id="back", message="")
    assert len(archived.rows("raw.events")) == 6


@pytest.mark.long
def test_a_diff_shows_what_was_archived(archived):
    before = archived.session.catalog.log()[1]
    found = diff_table(archived.session, before.id, "main", "raw.events")
    assert (found.rows.added, found.rows.removed) == (0, 4)


INSIDE = [".lakehouse", ".lakehouse/warehouse/raw/events/data", "link", "x/../.lakehouse/a"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("place", INSIDE)
def test_a_folder_that_upkeep_tidies_cannot_be_the_archive(old, place):
    (old.folder / "link").symlink_to(".lakehouse/warehouse/raw")
    (old.folder / "lakehouse.toml").write_text(f"[project]\n[maintain]\narchive = '{place}'\n")
    head, rows = old.head(), old.rows("raw.events")
    with pytest.raises(ConfigError, match="which is in the home"):
        upkeep(old)
    assert (old.head(), old.rows("raw.events")) == (head, rows)


@pytest.mark.long
def test_another_folder_can_be_the_archive(old):
    (old.folder / "lakehouse.toml").write_text("[project]\n[maintain]\narchive = 'cold'\n")
    upkeep(old)
    assert len(list((old.folder / "cold/raw/events").rglob("*.parquet"))) == 2
