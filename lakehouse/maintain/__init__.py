"""Maintenance of a home: compact and archive tables, and remove what nobody needs any more.

That may be commits, branches, locks, data files, staged pages, records or unfinished files. Nothing
here changes the rows of main, apart from rows that move to the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import storage
from lakehouse.addresses import repeatable
from lakehouse.branches import run_branches
from lakehouse.branches.run_branches import BranchStatus
from lakehouse.compile import dag
from lakehouse.compile.dag import Step
from lakehouse.errors import ConfigError, MergeConflictError
from lakehouse.maintain import ages, compact, files, retention
from lakehouse.publish import standing
from lakehouse.publish.publish_head import publish_head
from lakehouse.records import run_records
from lakehouse.records.run_records import RunRecorder, RunReport
from lakehouse.system import clock
from lakehouse.table_names import name_of

if TYPE_CHECKING:
    from lakehouse.config import Settings
    from lakehouse.session import Session

SECTION = "maintain"
ERASING = "erase "
"""Beginning of the messages of commits that erased rows."""


@dataclass(frozen=True)
class Policy:
    """Retention of commits, records and files: `[maintain]` of the settings."""

    keep_days: int = 30
    """Days that commits stay readable, and that failed branches and staged pages are kept."""
    keep_runs_days: int = 365
    """Days that records of runs are kept."""
    grace_hours: int = 6
    """Hours that a file without a ref is kept, as a run may be about to commit it."""
    archive: str = ""
    """Folder for rows older than their `retention`; by default `archive` of the warehouse."""

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """Return the policy of a project. Raises ConfigError."""
        section = settings.section(SECTION)
        known = {field.name: field.type for field in fields(cls)}
        for name, value in section.items():
            if name not in known:
                raise ConfigError(
                    f"[{SECTION}] has no setting {name!r}", hint=f"there is {', '.join(known)}"
                )
            if known[name] == "int" and (type(value) is not int or value < 0):
                raise ConfigError(
                    f"`{name}` of [{SECTION}] is {repeatable(value)}",
                    hint="it is a whole number, from 0 on",
                )
        return cls(**section)


def maintain(session: Session, *, dry_run: bool = False) -> RunReport:
    """Compact, archive, expire and remove what is no longer needed; return what was done.

    `dry_run` changes nothing, and returns what would be done. Raises LakehouseError; the steps
    that were done before it are complete, and the home is valid.
    """
    session.require_home()
    policy, warehouse = Policy.of(session.settings), session.settings.warehouse
    records = run_records.places(warehouse)
    now = ages.believed(clock.now(), records)
    begun = (
        nullcontext(RunRecorder("maintain"))
        if dry_run
        else run_records.recording(warehouse, "maintain")
    )
    with begun as recording, standing.noted(session):
        upkeep = _Upkeep(session, policy, now, records, recording, really=not dry_run)
        upkeep.drop_branches()
        upkeep.archive()
        upkeep.compact_tables()
        upkeep.expire()
        upkeep.remove_files()
        upkeep.remove_staging()
        upkeep.remove_records()
        upkeep.remove_half_written()
    return recording.report()


@dataclass(frozen=True)
class _Upkeep:
    """The steps of one maintenance: each records what it does."""

    session: Session
    policy: Policy
    now: datetime
    """Moment from which ages are measured."""
    records: Mapping[str, Path]
    """The file of each run's record, by run id."""
    recording: RunRecorder
    really: bool
    """False for a dry run: steps are recorded but not done."""

    @property
    def _oldest(self) -> datetime:
        """The moment since which commits are kept."""
        return self.now - timedelta(days=self.policy.keep_days)

    def drop_branches(self) -> None:
        """Drop branches of killed runs, and old branches of failed runs."""
        settings, catalog = self.session.settings, self.session.catalog
        for branch in catalog.branches():
            status = run_branches.status(settings, branch.name)
            old = status is BranchStatus.FAILED and branch.created_at < self._oldest
            if status is BranchStatus.ORPHANED or old:
                if self.really:
                    run_branches.drop(settings, catalog, branch.name)
                self.recording.add("drop", branch.name, note=f"{status} branch")
        if self.really:
            run_branches.sweep_locks(settings)

    def archive(self) -> None:
        """Move rows that are older than the `retention` of their table to the archive."""
        duckdb, catalog = self.session.duckdb, self.session.catalog
        for due in retention.due(self.session, self.now):
            archive = retention.archive_of(self.session.settings, self.policy.archive)
            folder = archive / due.spec.schema / name_of(due.spec.table) / self.recording.run_id
            move = partial(retention.move, duckdb, catalog, due, folder)
            if self._commit(f"archive {due}", move):
                self.recording.add("archive", due.spec.table, rows=due.rows, note=str(due))
            else:
                storage.remove_folder(folder)

    def compact_tables(self) -> None:
        """Compact tables with more files than they need, in one commit; versions do not change."""
        plans = compact.find(self.session)
        if plans and self._commit(self.recording.message, partial(self._rewrite, plans)):
            for plan in plans:
                note = f"{len(plan.files)} files into {plan.into}"
                self.recording.add("compact", plan.table.name, rows=plan.rows, note=note)

    def _rewrite(self, plans: list[compact.Compaction], branch: str) -> None:
        for plan in plans:
            compact.rewrite(self.session.duckdb, self.session.catalog, branch, plan)

    def _commit(self, message: str, work: Callable[[str], None]) -> bool:
        """Do work on a branch, merge and publish it; return False if main moved meanwhile.

        A dry run does nothing and returns True.
        """
        if not self.really:
            return True
        catalog, run_id = self.session.catalog, self.recording.run_id
        branch = run_branches.branch_of(run_id)
        with run_branches.claimed(self.session.settings, branch):
            catalog.create_branch(branch)
            try:
                work(branch)
                self.session.moving.append(run_id)
                commit = catalog.merge(branch, run_id=run_id, message=message)
            except BaseException as error:
                catalog.drop_branch(branch)
                if not isinstance(error, MergeConflictError):
                    raise
                self.recording.add(Step.COMMIT, dag.COMMIT, note="main moved: left for next time")
                return False
        self.recording.commit = commit.id
        self.recording.add(Step.COMMIT, dag.COMMIT, note=f"commit {commit.id}: {message}")
        publish_head(self.session)
        return True

    def expire(self) -> None:
        """Expire commits that are older than `keep_days`."""
        catalog = self.session.catalog
        expired = catalog.expirable(self._oldest)
        if expired:
            if self.really:
                catalog.expire(self._oldest)
            oldest, newest = expired[-1].committed_at, expired[0].committed_at
            note = f"{len(expired)} commits of {oldest:%Y-%m-%d} to {newest:%Y-%m-%d}"
            self.recording.add("expire", "log", note=note)
        self._name_tags_with_erased_rows()

    def _name_tags_with_erased_rows(self) -> None:
        """Record the tags from before an erasure: they may keep rows that were to be gone."""
        catalog = self.session.catalog
        tags = catalog.tags()
        erasures = [c for c in catalog.log() if c.message.startswith(ERASING)] if tags else []
        for tag in tags:
            made = catalog.commit(tag).sequence
            later = [commit for commit in erasures if commit.sequence > made]
            if later:
                note = f"from before `{later[0].message}`: `lakehouse tag {tag} --delete` if it may"
                self.recording.add("keep", f"tag {tag}", note=f"{note} hold such rows")

    def remove_files(self) -> None:
        """Remove data and metadata files that no ref needs, unless a run may be about to commit.

        Files are listed first, then running runs are looked for, and refs are read last: whatever
        clocks say, a listed file that is needed belongs to a running run or is named by a ref.
        Nothing is removed while a run is running.
        """
        stored = list(files.stored(self.session.settings.warehouse))
        if self._is_one_at_work():
            return
        needed = files.needed(self.session, since=self._oldest)
        files.require_all(self.session.settings.warehouse, needed, stored)
        now, grace = clock.now(), timedelta(hours=self.policy.grace_hours)
        old = [f for f in stored if f.path not in needed and abs(now - f.modified) >= grace]
        ours = files.ours(self.session, (file.folder for file in old))
        tables: dict[str, list[files.StoredFile]] = {}
        for file in old:
            if file.folder in ours:
                tables.setdefault(file.table, []).append(file)
        for table, unneeded in sorted(tables.items()):
            if self.really:
                files.remove(unneeded)
                self.session.catalog.forget_files(file.place for file in unneeded)
            size = files.size(sum(file.bytes for file in unneeded))
            self.recording.add("remove", table, note=f"{len(unneeded)} files, {size}")

    def _is_one_at_work(self) -> bool:
        """Return whether any run is working on its branch."""
        settings, branches = self.session.settings, self.session.catalog.branches()
        return any(not run_branches.is_free(settings, branch.name) for branch in branches)

    def remove_staging(self) -> None:
        """Remove staged pages of runs that ended well, and old ones of other runs."""
        settings, removed = self.session.settings, 0
        for folder in sorted((settings.warehouse / "staging").glob("*")):
            began = run_records.started(folder.name)
            if began is None or not run_branches.is_free(
                settings, run_branches.branch_of(folder.name)
            ):
                continue
            ended = run_records.is_kept(settings.warehouse, folder.name)
            over = ended and not (folder / "journal.jsonl").exists()
            if over or began < self._oldest:
                if self.really:
                    storage.remove_folder(folder)
                removed += 1
        if removed:
            self.recording.add("remove", "staging", note=f"pages of {removed} runs")

    def remove_records(self) -> None:
        """Remove records of old runs that have neither a readable commit nor a branch."""
        before = run_records.stamp(self.now - timedelta(days=self.policy.keep_runs_days))
        begun = {run_id: place for run_id, place in self.records.items() if run_id < before}
        if not begun:  # saves reading the log, which may span years
            return
        catalog = self.session.catalog
        kept = {run_records.PREFIX + commit.run_id for commit in catalog.log() if commit.readable}
        kept |= {branch.name for branch in catalog.branches()}
        old = [place for run_id, place in begun.items() if run_records.PREFIX + run_id not in kept]
        if old:
            for place in old if self.really else ():
                place.unlink(missing_ok=True)
            self.recording.add("remove", "runs", note=f"{len(old)} records")

    def remove_half_written(self) -> None:
        """Remove files that the framework was writing when its process was killed."""
        settings, grace = self.session.settings, timedelta(hours=self.policy.grace_hours)
        half_written = [
            place
            for folder in (settings.home, *(settings.warehouse / name for name in files.OWN))
            for place, since in storage.half_written(folder)
            if abs(clock.now() - since) >= grace
        ]
        if half_written:
            for place in half_written if self.really else ():
                place.unlink(missing_ok=True)
            self.recording.add("remove", "files", note=f"{len(half_written)} half-written files")
