"""The history of main in SQLite: its commits, what each changed, and the tags that name them.

Every function takes the connection, so that calls of several functions can share a transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lakehouse.catalogs import MAIN, Commit, names
from lakehouse.system import clock, users

SCHEMA = """
CREATE TABLE IF NOT EXISTS lakehouse_commits (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL,
    message TEXT NOT NULL, author TEXT NOT NULL, committed_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lakehouse_changes (
    sequence INTEGER NOT NULL, name TEXT NOT NULL, metadata_location TEXT,
    PRIMARY KEY (name, sequence));
CREATE TABLE IF NOT EXISTS lakehouse_tags (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS lakehouse_expired (sequence INTEGER PRIMARY KEY);
CREATE INDEX IF NOT EXISTS lakehouse_commits_by_run ON lakehouse_commits (run_id);
CREATE INDEX IF NOT EXISTS lakehouse_changes_by_sequence ON lakehouse_changes (sequence);
"""
NEWEST = "lakehouse_changes_by_sequence"
"""The index that was added last: a file that has it has all of `SCHEMA`."""
_EACH_TABLE = """
WITH RECURSIVE tables (name) AS (
    SELECT min(name) FROM lakehouse_changes
    UNION ALL SELECT (SELECT min(c.name) FROM lakehouse_changes c WHERE c.name > tables.name)
    FROM tables WHERE tables.name IS NOT NULL)
"""
"""SQL of the names of all tables there ever were.

It reads one row for each table instead of every change.
"""
_BEGINS = "WHERE k.id >= ?1 AND substr(k.id, 1, length(?1)) = ?1 AND k.id < ?1 || 'g'"
"""Condition that a commit's id begins with ?1.

Ids are hexadecimal, so 'g' ends the range; a range lets SQLite use the index.
"""


def log(db: sqlite3.Connection, limit: int | None = None) -> list[Commit]:
    """The commits of main, newest first."""
    return _commits(db, "", (), limit)


def made_by(db: sqlite3.Connection, run_id: str) -> Commit | None:
    """The newest commit of a run; None if it made none."""
    return next(iter(_commits(db, "WHERE run_id = ?", (run_id,), 1)), None)


def at(db: sqlite3.Connection, moment: datetime) -> Commit:
    """The newest commit whose time is at or before `moment`. Raises UnknownNameError."""
    newest = _commits(db, "WHERE committed_at <= ?", (_stamp(moment),), 1)
    if not newest:
        raise names.no_commit_at(moment)
    return newest[0]


def resolve(db: sqlite3.Connection, ref: str) -> Commit:
    """The commit that `ref` means: main, a tag, an id or its first characters.

    Raises UnknownNameError.
    """
    if ref == MAIN:
        matches = log(db, limit=1)
    else:
        tagged = "JOIN lakehouse_tags t USING (sequence) WHERE t.name = ?"
        matches = _commits(db, tagged, (ref,), 1)
    if not matches and len(ref) >= names.SHORTEST_ID:
        matches = _commits(db, _BEGINS, (ref,), 2)
    return names.the_one(ref, matches)


def places(db: sqlite3.Connection, sequence: int) -> dict[str, str]:
    """The address of each table's metadata file at a commit of main, by table name."""
    rows = db.execute(
        f"{_EACH_TABLE} SELECT name, (SELECT metadata_location FROM lakehouse_changes c"
        " WHERE c.name = tables.name AND sequence <= ? ORDER BY sequence DESC LIMIT 1) AS place"
        " FROM tables WHERE name IS NOT NULL",
        (sequence,),
    )
    return {row["name"]: row["place"] for row in rows if row["place"] is not None}


def places_of(db: sqlite3.Connection, commit: Commit) -> dict[str, str]:
    """`places` of a commit. Raises UnknownNameError if it has expired."""
    names.require_readable(commit, lambda: log(db))
    return places(db, commit.sequence)


def append(
    db: sqlite3.Connection, changed: Mapping[str, str | None], run_id: str, message: str
) -> Commit:
    """Add a commit to main's log.

    `changed` gives the new metadata file of each table that the commit changes; None removes it.
    """
    last = log(db, limit=1)
    sequence, parent = (last[0].sequence + 1, last[0].id) if last else (1, "")
    committed_at, author = clock.now(), users.current()
    content = repr((parent, run_id, message, author, committed_at, sorted(changed.items())))
    commit = Commit(
        id=hashlib.sha256(content.encode()).hexdigest()[:16],
        sequence=sequence,
        run_id=run_id,
        message=message,
        author=author,
        committed_at=committed_at,
        tables=tuple(sorted(changed)),
    )
    db.execute(
        "INSERT INTO lakehouse_commits VALUES (?, ?, ?, ?, ?, ?)",
        (sequence, commit.id, run_id, message, author, _stamp(committed_at)),
    )
    db.executemany(
        "INSERT INTO lakehouse_changes VALUES (?, ?, ?)",
        [(sequence, name, place) for name, place in changed.items()],
    )
    return commit


def tags(db: sqlite3.Connection) -> dict[str, str]:
    """The id of the commit that each tag names, by tag."""
    rows = db.execute(
        "SELECT t.name, k.id FROM lakehouse_tags t JOIN lakehouse_commits k USING (sequence)"
        " ORDER BY t.name"
    )
    return {row["name"]: row["id"] for row in rows}


def tag(db: sqlite3.Connection, name: str, commit: Commit) -> None:
    """Tag a commit. Raises UnknownNameError for a name that means something else already."""
    names.check_tag(name, commit, tags(db))
    if _commits(db, _BEGINS, (name,), 1):
        raise names.begins_an_id(name)
    db.execute("INSERT OR REPLACE INTO lakehouse_tags VALUES (?, ?)", (name, commit.sequence))


def drop_tag(db: sqlite3.Connection, name: str) -> None:
    """Delete a tag. Raises UnknownNameError if it does not exist."""
    if not db.execute("DELETE FROM lakehouse_tags WHERE name = ?", (name,)).rowcount:
        raise names.no_tag(name)


def expirable(db: sqlite3.Connection, before: datetime) -> list[Commit]:
    """Readable commits from before a moment, except those that main, a tag or a branch keeps."""
    return _commits(
        db,
        "WHERE committed_at < ? AND sequence < (SELECT max(sequence) FROM lakehouse_commits)"
        " AND sequence NOT IN (SELECT sequence FROM lakehouse_tags UNION ALL"
        " SELECT base FROM lakehouse_branches UNION ALL SELECT sequence FROM lakehouse_expired)",
        (_stamp(before),),
        None,
    )


def expire(db: sqlite3.Connection, commits: Iterable[Commit]) -> None:
    """Mark commits as unreadable; they stay in the log."""
    rows = [(commit.sequence,) for commit in commits]
    db.executemany("INSERT OR IGNORE INTO lakehouse_expired VALUES (?)", rows)


def needed(db: sqlite3.Connection, except_for: set[int]) -> set[str]:
    """The metadata files of all readable commits whose sequence is not in `except_for`."""
    rows = db.execute(
        "SELECT sequence FROM lakehouse_commits"
        " WHERE sequence NOT IN (SELECT sequence FROM lakehouse_expired)"
    ).fetchall()
    kept = [row["sequence"] for row in rows if row["sequence"] not in except_for]
    return {place for sequence in kept for place in places(db, sequence).values()}


def _commits(
    db: sqlite3.Connection, clause: str, values: tuple[str, ...], limit: int | None
) -> list[Commit]:
    """The commits that an SQL clause (JOIN or WHERE) selects, newest first."""
    rows = db.execute(
        "SELECT k.id, sequence, run_id, message, author, committed_at,"
        " sequence NOT IN (SELECT sequence FROM lakehouse_expired) AS readable,"
        " (SELECT group_concat(c.name) FROM lakehouse_changes c"
        "  WHERE c.sequence = k.sequence) AS tables"
        f" FROM lakehouse_commits k {clause} ORDER BY sequence DESC"
        f" LIMIT {-1 if limit is None else int(limit)}",
        values,
    )
    return [
        Commit(
            id=row["id"],
            sequence=row["sequence"],
            run_id=row["run_id"],
            message=row["message"],
            author=row["author"],
            committed_at=datetime.fromisoformat(row["committed_at"]),
            tables=tuple(sorted((row["tables"] or "").split(","))),
            readable=bool(row["readable"]),
        )
        for row in rows
    ]


def _stamp(moment: datetime) -> str:
    """An instant as text in UTC, which sorts in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
