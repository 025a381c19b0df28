"""Rules for the names of refs, and the errors about them, which all catalogs share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from lakehouse.catalogs import MAIN, Commit
from lakehouse.errors import UnknownNameError

SHORTEST_ID = 4
"""Characters of a commit's id that a ref must have at least."""
_TAG = re.compile(r"[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*")
_LOG = "`log` lists the commits of main"


def the_one(ref: str, matches: Sequence[Commit]) -> Commit:
    """Return the only commit that matches a ref. Raises UnknownNameError if none or several do."""
    if ref == MAIN and not matches:
        raise UnknownNameError("main has no commit yet", hint="`run` makes the first")
    if len(matches) != 1:
        problem = "is not unique" if matches else "is neither main, a branch, a tag nor a commit"
        raise UnknownNameError(f"ref {ref!r} {problem}", hint=_LOG)
    return matches[0]


def no_commit(branch: str) -> UnknownNameError:
    """The error for a branch that was named where a commit of main is needed."""
    return UnknownNameError(
        f"{branch!r} is a branch, and no commit of main",
        hint="`merge` brings a branch that was held for review to main",
    )


def require_readable(commit: Commit, log: Callable[[], Iterable[Commit]]) -> None:
    """Raise UnknownNameError if a commit has expired; `log` returns all, newest first."""
    if not commit.readable:
        *_, oldest = (other for other in log() if other.readable)
        raise UnknownNameError(
            f"commit {commit.id} of {commit.committed_at:%Y-%m-%d} has expired: it cannot be read."
            f" The oldest that can is {oldest.id} of {oldest.committed_at:%Y-%m-%d}",
            hint="`keep_days` of [maintain] says how long commits are kept; tags keep them longer",
        )


def no_commit_at(moment: datetime) -> UnknownNameError:
    """The error for a moment before the first commit of main."""
    return UnknownNameError(f"main had no commit yet at {moment:%Y-%m-%d %H:%M:%S %Z}", hint=_LOG)


def check_tag(name: str, commit: Commit, tags: Mapping[str, str]) -> None:
    """Raise UnknownNameError unless `name` can be a tag of the commit, or is one."""
    if not _TAG.fullmatch(name) or name == MAIN:
        raise UnknownNameError(
            f"{name!r} cannot be the name of a tag",
            hint="use letters, digits, and single dots or dashes between them",
        )
    tagged = tags.get(name, commit.id)
    if tagged != commit.id:
        raise UnknownNameError(
            f"the tag {name!r} names the commit {tagged} already",
            hint=f"`tag --delete {name}` first, or choose another name",
        )


def begins_an_id(name: str) -> UnknownNameError:
    """The error for a tag that could be taken for the id of a commit."""
    return UnknownNameError(f"{name!r} is how a commit's id begins", hint="choose another name")


def is_a_branch(name: str) -> UnknownNameError:
    """The error for a tag that could be taken for a branch."""
    return UnknownNameError(f"{name!r} is a branch", hint="choose another name")


def no_tag(name: str) -> UnknownNameError:
    """The error for a tag that does not exist."""
    return UnknownNameError(f"there is no tag {name!r}", hint="`tag` lists those that there are")
