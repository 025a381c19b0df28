"""Builds a site: what it consists of, what each piece depends on, and which are made again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import lakehouse
from lakehouse.compile import cache_files
from lakehouse.pages import loading
from lakehouse.pages.decorators import PageSpec
from lakehouse.pages.html import script_json, tag
from lakehouse.site import charts, kept_plans, project_pages
from lakehouse.site.early_answers import asked_early
from lakehouse.site.folder import Piece, SiteFolder, Written, digest
from lakehouse.site.frame import Frame, Link, static
from lakehouse.site.page_plan import PlannedPage, unplanned
from lakehouse.site.pipeline import pages as pipeline
from lakehouse.site.pipeline.facts import Facts, gather
from lakehouse.site.tables import Tables
from lakehouse.system.garbage import paused, undisturbed

if TYPE_CHECKING:
    from lakehouse.session import Session

_STATIC = ("site.css", "site.js", "theme.js", "live.js")
_FRAMEWORK = Path(__file__).parents[1]


@dataclass(frozen=True)
class Built:
    """A site that was built: where it lies, and what was done."""

    start: Path
    """The page to open."""
    done: Written
    seconds: float


def build(session: Session, folder: Path, declared: Sequence[PageSpec] | None = None) -> Built:
    """Write the site of a project to a folder; what did not change since the last time stays.

    Its pages are those of the project's package unless they are `declared`. Raises ConfigError for
    a folder that holds something else, or if the extra `site` is not installed; ProjectError for a
    page that cannot be made.
    """
    began = time.perf_counter()
    charts.require_libraries()
    with paused():
        done = _written(session, SiteFolder(folder), declared)
    return Built(folder / "index.html", done, time.perf_counter() - began)


def _written(session: Session, site: SiteFolder, declared: Sequence[PageSpec] | None) -> Written:
    tables = Tables(session)
    with asked_early(session, tables.stored, all_pages=site.is_new) as tables.early:
        with undisturbed():
            # Before pages are imported: their code is no part of what is compiled.
            _ = session.compiled_for_duckdb
            pages = _pages(session, tables, declared)
            tables.early.pages = [page.name for page in pages]
        spec_of = _specs(session, declared)
        frame = Frame([Link(p.title, project_pages.path_of(p)) for p in pages], pipeline.LINKS)
        code = digest(lakehouse.__version__, *(path.read_bytes() for path in _sources()), frame)
        for piece in _pieces(session, tables, pages, spec_of, frame, code):
            site.add(piece)
    return site.finish()


def _pages(
    session: Session, tables: Tables, declared: Sequence[PageSpec] | None
) -> list[PlannedPage]:
    return kept_plans.load(session, tables) if declared is None else [*map(unplanned, declared)]


def _pieces(
    session: Session,
    tables: Tables,
    pages: list[PlannedPage],
    spec_of: Callable[[str], PageSpec],
    frame: Frame,
    code: str,
) -> Iterator[Piece]:
    yield Piece("assets", code, _assets)
    yield Piece("vega", charts.library_version(), partial(_vega, session.settings.root))
    yield Piece("start", code, partial(_start, frame))
    facts = gather(session, tables)
    state = _state(tables, facts, session.settings.timezone)
    yield Piece("state", digest(state), lambda: {"assets/state.js": state})
    yield from pipeline.pieces(session, facts, frame, code)
    for page in pages:
        of_page = kept_plans.fingerprint(session.settings, page)
        versions = [tables.version(name) if tables.has(name) else "" for name in page.tables]
        make = partial(
            project_pages.render, page, tables, frame, session.settings.timezone, spec_of
        )
        yield Piece(f"page {page.name}", digest(code, of_page, *versions), make)


def _specs(session: Session, declared: Sequence[PageSpec] | None) -> Callable[[str], PageSpec]:
    """Return what gives a page by its name, and imports the project's when it is first called."""

    @cache
    def loaded() -> dict[str, PageSpec]:
        given = declared or loading.load(session.settings, session.project)
        return {spec.name: spec for spec in given}

    return lambda name: loaded()[name]


def _state(tables: Tables, facts: Facts, zone: ZoneInfo) -> str:
    """Return the script that tells all pages where main is."""
    commit, alerts = tables.commit, len(facts.ledger.problems)
    at = "nothing is built yet"
    if commit is not None:
        at = f"as of commit {commit.id}, {commit.committed_at.astimezone(zone):%Y-%m-%d %H:%M}"
    text = f"{at} · {alerts} open alert{'' if alerts == 1 else 's'}"
    return f"window.lakehouseState = {script_json(text)};\n"


def _sources() -> list[Path]:
    """Return the files that decide what pages look like."""
    folders = (_FRAMEWORK / name for name in ("draw", "pages", "site"))
    files = (path for folder in folders for path in folder.rglob("*"))
    return sorted(path for path in files if path.is_file() and path.suffix != ".pyc")


def _assets() -> Mapping[str, str]:
    return {f"assets/{name}": static(name) for name in _STATIC}


def _vega(root: Path) -> Mapping[str, str]:
    """Return the library of charts, which is the same for all sites and takes seconds to make."""
    place = cache_files.file(root, "vega", digest(charts.library_version()))
    kept = cache_files.read(place)
    if kept is None:
        kept = {"javascript": charts.javascript()}
        cache_files.write(place, kept)
    return {"assets/vega.js": kept["javascript"]}


def _start(frame: Frame) -> Mapping[str, str]:
    """Return the page that a site opens with: it leads to the first one."""
    first = next(iter([*frame.pages, *frame.pipeline]), None)
    if first is None:
        return {"index.html": frame.page("index.html", "Nothing to show yet")}
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="refresh", content=f"0; url={first.path}"),
        tag("title", first.title),
    ]
    body = tag("p", tag("a", first.title, href=first.path))
    page = tag("html", tag("head", head), tag("body", body), lang="en")
    return {"index.html": f"<!DOCTYPE html>\n{page}\n"}
