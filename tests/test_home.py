"""A home belongs to whoever made it, and to the version that wrote it."""

import pytest
from toy import at, event

from lakehouse.errors import StorageError


def test_a_home_of_a_newer_version_is_refused(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run()
    (toy.session.settings.home / "format").write_text("99\n")
    with pytest.raises(StorageError, match="newer version of lakehouse"):
        toy.run()


def test_a_home_of_an_older_version_is_taken_over(toy):
    toy.run()
    mark = toy.session.settings.home / "format"
    now = mark.read_text()
    mark.write_text("1\n")
    toy.run()
    assert mark.read_text() == now


def test_others_cannot_list_a_home(toy):
    toy.run()
    settings = toy.session.settings
    assert settings.home.stat().st_mode & 0o066 == 0
    assert settings.warehouse.stat().st_mode & 0o077 == 0


def test_others_cannot_read_its_small_files(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run()
    home = toy.session.settings.home
    own = [path for path in home.iterdir() if path.is_file()]
    assert {"catalog.db", "catalog.db-wal", "published"} <= {path.name for path in own}
    small = [*own, *home.glob("warehouse/runs/*"), *home.glob("warehouse/code/*")]
    assert [path for path in small if path.stat().st_mode & 0o077] == []
