"""The plans of a project's pages, kept beside the compiled project until the code changes.

A time or a setting that Python wrote into a plan would never change. So pages are planned a second
time by a process under other circumstances, and a page whose plans differ is not planned: like one
whose function needs rows, it is asked anew for each site.
"""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from lakehouse.compile import cache, cache_files
from lakehouse.compile.other_process import Request, answer, started
from lakehouse.pages import loading
from lakehouse.site import charts
from lakehouse.site.folder import digest
from lakehouse.site.page_plan import PlannedPage, planned, unplanned
from lakehouse.site.plan_json import from_json, to_json

if TYPE_CHECKING:
    from lakehouse.config import Settings
    from lakehouse.declare.project import Project
    from lakehouse.pages.decorators import PageSpec
    from lakehouse.session import Session
    from lakehouse.site.tables import Tables

_LIBRARIES = sysconfig.get_paths()["purelib"]
"""Libraries look there for their plugins; their versions are part of the key."""


@dataclass(frozen=True)
class _Package:
    """Where the pages of a project are, for the other process."""

    root: Path
    pages: str


def load(session: Session, tables: Tables) -> list[PlannedPage]:
    """Return the pages of a project in their order. Raises ProjectError as `pages.loading` does."""
    if not loading.sources(session.settings):
        return [*map(unplanned, _of_site(loading.load(session.settings, session.project)))]
    schemas = {name: cache.plain(schema) for name, schema in tables.schemas().items()}
    beside = digest(_code(session.settings), charts.library_versions(), schemas)
    make = partial(_made_twice, session, schemas)
    pages: Sequence[PlannedPage] = from_json(
        cache.kept(session.settings, "pages", make, beside)["pages"]
    )
    return [*pages]


def fingerprint(settings: Settings, page: PlannedPage) -> str:
    """Return a digest of everything that a page shows but its rows."""
    return digest(to_json(page) if page.blocks is not None else _code(settings))


def make_elsewhere(request: Request) -> Callable[[Project], list[Any]]:
    """Return what the other process does with a project: it plans its pages."""
    package = _Package(Path(request.root), request.details["pages"])
    schemas = request.details["schemas"]
    return lambda project: _documents(loading.load(package, project), schemas)


def _made_twice(
    session: Session, schemas: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    settings = session.settings
    details = {"pages": settings.pages, "schemas": schemas}
    with started(Request.of(settings, __name__, details)) as process:
        specs = loading.load(settings, session.project)
        here = json.loads(json.dumps(_documents(specs, schemas)))
        there = answer(process)
    others = {page["name"]: page for page in there.get("made", ())}
    pages = [
        page if _is_same(page, others.get(spec.name, {})) else to_json(unplanned(spec))
        for spec, page in zip(_of_site(specs), here, strict=True)
    ]
    read = [path for path in there.get("files", ()) if not Path(path).is_relative_to(_LIBRARIES)]
    return {"pages": pages}, {path: cache_files.digest_of(Path(path)) for path in read}


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two plans of a page are the same; places depend on the working folder."""
    return {**one, "place": ""} == {**other, "place": ""}


def _code(settings: Settings) -> str:
    """Return a digest of the code of pages, and of all that they can import."""
    sources = loading.sources(settings)
    return digest(cache.key(settings), *(f"{p} {cache_files.digest_of(p)}" for p in sources))


def _documents(specs: Sequence[PageSpec], schemas: Mapping[str, Any]) -> list[Any]:
    """Return the pages of a site as JSON has them."""
    known = {name: ibis.schema(schema) for name, schema in schemas.items()}
    return [_document(spec, known) for spec in _of_site(specs)]


def _document(spec: PageSpec, schemas: Mapping[str, ibis.Schema]) -> Any:
    try:
        return to_json(planned(spec, schemas))
    except Exception:  # noqa: BLE001 - it is asked again, with rows, where it is told
        return to_json(unplanned(spec))


def _of_site(specs: Sequence[PageSpec]) -> list[PageSpec]:
    return [spec for spec in specs if spec.key is None]
