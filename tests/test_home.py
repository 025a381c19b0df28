"""A home belongs to whoever made it, and to the version that wrote it."""

import os
import shutil

import pytest
from toy import at, event

from lakehouse import config, home
from lakehouse.engines import duckdb
from lakehouse.errors import CheckFailedError, StorageError
from lakehouse.maintain import maintain
from lakehouse.system import users


@pytest.mark.long
def test_a_home_of_a_newer_version_is_refused(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run()
    (toy.session.settings.home / "format").write_text("99\n")
    with pytest.raises(StorageError, match="newer version of lakehouse"):
        toy.run()


@pytest.mark.long
def test_a_home_of_an_older_version_is_taken_over(toy):
    toy.run()
    mark = toy.session.settings.home / "format"
    now = mark.read_text()
    mark.write_text("1\n")
    toy.run()
    assert mark.read_text() == now


@pytest.mark.long
def test_others_cannot_list_a_home(toy):
    toy.run()
    settings = toy.session.settings
    assert settings.home.stat().st_mode & 0o066 == 0
    assert settings.warehouse.stat().st_mode & 0o077 == 0


@pytest.mark.long
def test_others_cannot_read_its_small_files(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run()
    place = toy.session.settings.home
    own = [path for path in place.iterdir() if path.is_file()]
    assert {"catalog.db", "catalog.db-wal", "published"} <= {path.name for path in own}
    small = [*own, *place.glob("warehouse/runs/*"), *place.glob("warehouse/code/*")]
    assert [path for path in small if path.stat().st_mode & 0o077] == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["warehouse/notes/2024/data/day.csv", "spill/mine/day.csv"])
def test_files_that_were_there_before_a_home_stay(toy, source, name):
    (toy.folder / "lakehouse.toml").write_text("[project]\n[maintain]\ngrace_hours = 0\n")
    mine = toy.session.settings.home / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    source.rows = [event("a", 1, at(0))]
    if name.startswith("warehouse"):
        with pytest.raises(StorageError, match="holds something already"):
            toy.run()
    else:
        duckdb.connect(mine.parents[1]).close()
        toy.run()
        with toy.session as session:
            maintain(session)
    assert mine.read_text() == "mine"


@pytest.fixture
def copied(toy, source, monkeypatch):
    """A home, and a function that moves it or makes another of it."""
    source.rows = [event("a", 1, at(0))]
    toy.run()
    place = toy.session.settings.home

    def use(folder):
        toy.environment["LAKEHOUSE_HOME"] = str(folder)

    return toy, place, use


def content(folder):
    """Every file of a folder, with what it holds."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_a_copy_is_refused_before_anything_is_written_in_it_or_the_original(copied):
    toy, place, use = copied
    copy = place.with_name("copy")
    shutil.copytree(place, copy)
    use(copy)
    before = content(place / "warehouse") | content(copy / "warehouse")
    for attempt in (toy.run, lambda: toy.rows("raw.events"), lambda: maintain(toy.session)):
        with pytest.raises(StorageError, match="was copied or moved here from") as refused:
            attempt()
        assert f"use {place} itself" in refused.value.hint
    assert content(place / "warehouse") | content(copy / "warehouse") == before


@pytest.mark.long
def test_a_moved_home_is_refused_until_it_is_back(copied, source):
    toy, place, use = copied
    moved = place.with_name("moved")
    place.rename(moved)
    use(moved)
    with pytest.raises(StorageError, match="was copied or moved") as refused:
        toy.run()
    assert f"move it back to {place}" in refused.value.hint
    moved.rename(place)
    use(place)
    source.rows.append(event("b", 2, at(0, 13)))
    toy.run()
    assert len(toy.rows("raw.events")) == 2


@pytest.mark.long
def test_a_copy_of_a_home_whose_only_run_failed_is_refused(copied, source):
    toy, place, use = copied
    first = place.with_name("first")
    use(first)
    source.rows = [event("a", 501, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run()
    first.rename(place.with_name("moved"))
    use(place.with_name("moved"))
    with pytest.raises(StorageError, match="was copied or moved"):
        toy.run()


@pytest.mark.long
def test_a_link_to_a_home_will_do(copied):
    toy, place, use = copied
    link = place.with_name("link")
    link.symlink_to(place)
    use(link)
    toy.run()
    assert toy.session.settings.home == place


@pytest.mark.long
def test_a_home_that_nothing_was_built_in_can_be_moved(toy):
    toy.session.require_home()
    place = toy.session.settings.home
    place.rename(place.with_name("moved"))
    toy.environment["LAKEHOUSE_HOME"] = str(place.with_name("moved"))
    toy.run()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a folder away")
def test_a_home_of_another_user_is_refused_before_anything_is_written(lakehouse, tmp_path):
    place = tmp_path / "home"
    place.mkdir()
    os.chown(place, 12345, 12345)
    for words in (
        ["run", "--date", "2024-03-15"],
        ["maintain"],
        ["publish"],
        ["log"],
        ["alerts"],
        ["schedule", "--once"],
        ["query", "--on", "postgres", "select 1"],
    ):
        code, said = lakehouse(*words)
        assert (code, said["error"]) == (2, f"the home {place} belongs to the user #12345")
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a file away")
def test_a_home_in_a_volume_of_root_is_whose_who_wrote_it(tmp_path):
    os.chown(tmp_path, 12345, 12345)
    (tmp_path / "format").write_text("2\n")
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    home.prepare(config.load(tmp_path, {"LAKEHOUSE_HOME": str(tmp_path)}))


def test_a_user_without_a_name_goes_by_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert users.name(54321) == "#54321"
    assert users.current() == users.name(os.geteuid())
    monkeypatch.setenv("LOGNAME", "j\udcf6rg")
    assert users.current() == "j?rg"


@pytest.mark.long
def test_others_cannot_read_what_has_no_room_in_memory(tmp_path):
    spill = tmp_path / "spill"
    spill.mkdir(mode=0o755)  # as older versions left it
    database = duckdb.connect(spill, ()).connection
    database.execute("set threads = 1")
    database.execute("set memory_limit = '20MB'")
    database.execute("create table t as select hash(range)::varchar as b from range(1_500_000)")
    assert list(spill.iterdir())
    assert spill.stat().st_mode & 0o077 == 0
