"""Upkeep: what makes a home small again, and never touches what a ref still needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import branches, clock, dag, release, runs, standing, storage
from lakehouse.addresses import repeatable
from lakehouse.branches import State
from lakehouse.dag import Step
from lakehouse.errors import ConfigError, MergeConflictError
from lakehouse.maintain import ages, compact, files, retention
from lakehouse.runs import Recording, RunReport

if TYPE_CHECKING:
    from lakehouse.config import Settings
    from lakehouse.session import Session

SECTION = "maintain"


@dataclass(frozen=True)
class Policy:
    """How long things are kept; `[maintain]` of the settings."""

    keep_days: int = 30
    """Days that commits stay readable, and that failed branches and staged pages stay."""
    keep_runs_days: int = 365
    """Days that the records of runs stay."""
    grace_hours: int = 6
    """Hours that a file stays that no ref names: somebody may be about to name it."""
    archive: str = ""
    """The folder that rows older than their `retention` move to; `archive` of the warehouse."""

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy of a project. Raises ConfigError."""
        given = settings.section(SECTION)
        known = {field.name: field.type for field in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise ConfigError(
                    f"[{SECTION}] has no setting {name!r}", hint=f"there is {', '.join(known)}"
                )
            if known[name] == "int" and (type(value) is not int or value < 0):
                raise ConfigError(
                    f"`{name}` of [{SECTION}] is {repeatable(value)}",
                    hint="it is a whole number, from 0 on",
                )
        return cls(**given)


def maintain(session: Session, *, dry_run: bool = False) -> RunReport:
    """Compact, expire and remove what nothing needs; with `dry_run`, only say what that would be.

    Raises LakehouseError; whatever was done until then is harmless.
    """
    session.require_home()
    policy, warehouse = Policy.of(session.settings), session.settings.warehouse
    records = runs.places(warehouse)
    now = ages.believed(clock.now(), records)
    begun = nullcontext(Recording("maintain")) if dry_run else runs.recording(warehouse, "maintain")
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
    """One upkeep: each step notes what it does, and does it if it is `really` meant."""

    session: Session
    policy: Policy
    now: datetime
    """What ages are measured from."""
    records: Mapping[str, Path]
    """The record of each run."""
    recording: Recording
    really: bool

    @property
    def _oldest(self) -> datetime:
        """The moment from which on commits are kept."""
        return self.now - timedelta(days=self.policy.keep_days)

    def drop_branches(self) -> None:
        """Branches of killed runs, and those of failed ones that are old."""
        settings, catalog = self.session.settings, self.session.catalog
        for branch in catalog.branches():
            state = branches.state(settings, branch.name)
            old = state is State.FAILED and branch.created_at < self._oldest
            if state is State.ORPHANED or old:
                if self.really:
                    branches.drop(settings, catalog, branch.name)
                self.recording.add("drop", branch.name, note=f"{state} branch")
        if self.really:
            branches.sweep_locks(settings)

    def archive(self) -> None:
        """Rows that are older than their table keeps them."""
        for each in retention.due(self.session, self.now):
            folder = self._archive / each.spec.schema / each.spec.name / self.recording.run_id
            move = partial(retention.move, self.session.duckdb, self.session.catalog, each, folder)
            if self._commit(f"archive {each}", move):
                self.recording.add("archive", each.spec.table, rows=each.rows, note=str(each))
            else:
                storage.remove_folder(folder)

    @property
    def _archive(self) -> Path:
        """The folder of the archive."""
        settings = self.session.settings
        if not self.policy.archive:
            return settings.warehouse / files.ARCHIVE
        return settings.root / self.policy.archive

    def compact_tables(self) -> None:
        """Tables with more files than they need, in one commit; their versions stay."""
        found = compact.find(self.session)
        if found and self._commit(self.recording.message, partial(self._rewrite, found)):
            for each in found:
                note = f"{len(each.files)} files into {each.into}"
                self.recording.add("compact", each.table.name, rows=each.rows, note=note)

    def _rewrite(self, found: list[compact.Compaction], branch: str) -> None:
        for each in found:
            compact.rewrite(self.session.duckdb, self.session.catalog, branch, each)

    def _commit(self, message: str, work: Callable[[str], None]) -> bool:
        """Do some work on a branch and merge it; whether it was done, or would be."""
        if not self.really:
            return True
        catalog, run_id = self.session.catalog, self.recording.run_id
        branch = branches.branch_of(run_id)
        with branches.claimed(self.session.settings, branch):
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
        release.publish_head(self.session)
        return True

    def expire(self) -> None:
        """Commits that are older than they are kept."""
        catalog = self.session.catalog
        expired = catalog.expirable(self._oldest)
        if expired:
            if self.really:
                catalog.expire(self._oldest)
            oldest, newest = expired[-1].committed_at, expired[0].committed_at
            note = f"{len(expired)} commits of {oldest:%Y-%m-%d} to {newest:%Y-%m-%d}"
            self.recording.add("expire", "log", note=note)

    def remove_files(self) -> None:
        """Data and metadata files that no ref names, unless a run may be about to name them.

        What a run wrote is listed while it works, or named by a ref when it has ended: in this
        order, no clock has to be right.
        """
        stored = list(files.stored(self.session.settings.warehouse))
        if self._is_one_at_work():
            return
        needed = files.needed(self.session, since=self._oldest)
        files.require_all(self.session.settings.warehouse, needed, stored)
        now, grace = clock.now(), timedelta(hours=self.policy.grace_hours)
        tables: dict[str, list[files.Found]] = {}
        for found in stored:
            if found.path not in needed and abs(now - found.modified) >= grace:
                tables.setdefault(found.table, []).append(found)
        for table, unneeded in sorted(tables.items()):
            if self.really:
                files.remove(unneeded)
                self.session.catalog.forget_files(found.place for found in unneeded)
            size = files.size(sum(found.bytes for found in unneeded))
            self.recording.add("remove", table, note=f"{len(unneeded)} files, {size}")

    def _is_one_at_work(self) -> bool:
        """Whether a run is at work on its branch."""
        settings, known = self.session.settings, self.session.catalog.branches()
        return any(not branches.is_free(settings, branch.name) for branch in known)

    def remove_staging(self) -> None:
        """Pages of runs that ended well, and old ones of those that did not."""
        settings, removed = self.session.settings, 0
        for folder in sorted((settings.warehouse / "staging").glob("*")):
            began = runs.started(folder.name)
            if began is None or not branches.is_free(settings, branches.branch_of(folder.name)):
                continue
            ended = runs.is_kept(settings.warehouse, folder.name)
            over = ended and not (folder / "journal.jsonl").exists()
            if over or began < self._oldest:
                if self.really:
                    storage.remove_folder(folder)
                removed += 1
        if removed:
            self.recording.add("remove", "staging", note=f"what {removed} runs fetched")

    def remove_records(self) -> None:
        """Records of old runs that left neither a readable commit nor a branch."""
        before = runs.stamp(self.now - timedelta(days=self.policy.keep_runs_days))
        begun = {run_id: place for run_id, place in self.records.items() if run_id < before}
        if not begun:  # a history of years is not read for nothing
            return
        catalog = self.session.catalog
        kept = {runs.PREFIX + commit.run_id for commit in catalog.log() if commit.readable}
        kept |= {branch.name for branch in catalog.branches()}
        old = [place for run_id, place in begun.items() if runs.PREFIX + run_id not in kept]
        if old:
            for place in old if self.really else ():
                place.unlink(missing_ok=True)
            self.recording.add("remove", "runs", note=f"{len(old)} records")

    def remove_half_written(self) -> None:
        """Files of the framework's own that a process was writing when it was killed."""
        settings, grace = self.session.settings, timedelta(hours=self.policy.grace_hours)
        found = [
            place
            for folder in (settings.home, *(settings.warehouse / each for each in files.OWN))
            for place, since in storage.half_written(folder)
            if abs(clock.now() - since) >= grace
        ]
        if found:
            for place in found if self.really else ():
                place.unlink(missing_ok=True)
            self.recording.add("remove", "files", note=f"{len(found)} that were half written")
