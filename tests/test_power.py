"""What a run has said is done survives a power cut: it was synced before it was named."""

import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from archived_days import DAYS, KEPT
from toy import at, event

from lakehouse.history import main_moves
from lakehouse.ingest.journal import Journal
from lakehouse.maintain import files, maintain


class Disk:
    """Knows what a power cut would leave of files: what was synced, and as it was then."""

    def __init__(self, monkeypatch, catalog):
        self.catalog = catalog
        self.synced = []
        """The number of main's newest commit, and what was synced while that was so."""
        sync = os.fsync

        def fsync(descriptor):
            sync(descriptor)
            self.synced += [(self.newest(), kept) for kept in keeps(descriptor)]

        monkeypatch.setattr(os, "fsync", fsync)

    def newest(self):
        if not self.catalog.exists():
            return 0
        with closing(sqlite3.connect(self.catalog)) as db:
            known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'lakehouse_commits'")
            numbers = "SELECT coalesce(max(sequence), 0) FROM lakehouse_commits"
            return db.execute(numbers).fetchone()[0] if known.fetchone() else 0

    def lost(self, paths, before=None):
        """The files that a power cut would damage, and the folders that would not lead to them.

        With `before`, a power cut before main's commit of that number.
        """
        left = {kept for number, kept in self.synced if before is None or number < before}
        found = set()
        for path in paths:
            chain = [*reversed(path.relative_to(self.catalog.parent.parent).parents), path]
            whole = [self.catalog.parent.parent / each for each in chain]
            found |= {
                child for folder, child in pairwise(whole) if entry(folder, child) not in left
            }
            found |= {path} - ({path} if content(path) in left else set())
        return sorted(map(str, found))


def keeps(descriptor):
    """What the sync of a file keeps is its content; of a folder, which files it lists."""
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        return [(status.st_ino, each.name, each.inode()) for each in os.scandir(descriptor)]
    return [(status.st_ino, status.st_size, status.st_mtime_ns)]


def content(file):
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def entry(folder, child):
    return folder.stat().st_ino, child.name, child.stat().st_ino


@pytest.fixture
def disk(monkeypatch, toy):
    return Disk(monkeypatch, toy.session.settings.home / "catalog.db")


def named(toy):
    """The files that main and the branches name."""
    with toy.session as session:
        return [*map(Path, files.needed(session, datetime.now(UTC)))]


@pytest.mark.long
def test_main_names_no_file_that_a_power_cut_would_damage(toy, source, disk):
    source.rows = [event("a", 1, at(0)), event("bad", "x", at(0))]
    toy.run(0)
    paths = named(toy)
    assert len(paths) >= 4 * len(toy.session.catalog.places("main"))
    assert disk.lost(paths, before=1) == []
    source.rows.append(event("b", 2, at(1)))
    toy.run(1)
    assert disk.lost(named(toy), before=2) == []


@pytest.mark.long
def test_what_is_held_for_review_survives_a_power_cut(toy, source, disk):
    source.rows = [event("a", 1, at(0))]
    held = toy.run(0, hold=True)
    assert disk.lost(named(toy)) == []
    with toy.session as session:
        main_moves.merge(session, held.run_id)
    assert disk.lost(named(toy), before=1) == []


@pytest.mark.long
def test_what_a_failed_run_left_to_look_at_survives_a_power_cut(toy, source, disk):
    source.rows = [event("a", 501, at(0))]
    with pytest.raises(Exception, match="blocking check failed"):
        toy.run(0)
    assert named(toy)
    assert disk.lost(named(toy)) == []


@pytest.mark.long
def test_what_is_archived_survives_before_it_leaves_its_table(toy, source, disk):
    source.rows = [event(f"e{day}", day + 1, at(day)) for day in DAYS]
    toy.change(retention=KEPT)
    toy.run(0, 70)
    with toy.session as session:
        maintain(session)
    archive = toy.session.settings.warehouse / "archive"
    archived = list(archive.rglob("*.parquet"))
    assert archived
    assert disk.lost([*named(toy), *archived], before=2) == []


def test_what_a_run_says_of_itself_survives_a_power_cut(toy, source, disk):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    home = toy.session.settings.home
    small = [*home.glob("warehouse/runs/*"), *home.glob("warehouse/code/*")]
    assert len(small) == 1 + 4
    assert disk.lost([*small, home / "published", home / "format"]) == []


@pytest.mark.long
def test_pages_are_noted_when_they_survive_a_power_cut(toy, source, disk, monkeypatch):
    source.rows = [event("a", 1, at(0))]
    noted = []
    note = Journal._write

    def write(journal, line):
        pages = [Path(path) for path in line[2]] if len(line) > 1 else []
        noted.extend((page, disk.lost([page])) for page in pages)
        note(journal, line)

    monkeypatch.setattr(Journal, "_write", write)
    toy.run(0)
    assert [lost for _, lost in noted] == [[]]
