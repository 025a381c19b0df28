"""The site of five people and two years, and of five hundred models: built, and built again."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import plan
from bench.process import ROOT, Timed, lakehouse, rounded

PEOPLE, DAYS = 5, 730
_LAST = date(2024, 3, 1)
_SETTINGS = f"""
[project]
ingestion = "bench.synthetic"
models = "models"

[synthetic]
people = "{PEOPLE}"
"""


def measure(home: Path) -> dict[str, Any]:
    """Seconds of whole processes, and of building alone; the size of what a person's pages load."""
    return {"people": _people(home.with_name("site-people")), "models": _models(home)}


def _people(folder: Path) -> dict[str, Any]:
    """A site of long histories: the first, one more day, and nothing new."""
    project, site = folder / "project", folder / "site"
    project.mkdir(parents=True)
    (project / "lakehouse.toml").write_text(_SETTINGS, encoding="utf-8")
    if (ROOT / "pages").is_dir():
        (project / "pages").symlink_to(ROOT / "pages")

    def command(*words: str) -> Timed:
        return lakehouse(folder / "home", *words, project=project)

    first = _LAST - timedelta(days=DAYS)
    command("backfill", "--from", f"{first}", "--to", f"{_LAST - timedelta(days=1)}")
    command("site", "-o", str(folder / "other"))  # compiles for both engines, once for a project
    figures = _figures("all", command("site", "-o", str(site)))
    command("run", "--date", f"{_LAST}")
    figures |= _figures("one_more_day", command("site", "-o", str(site)))
    figures |= _figures("nothing_new", command("site", "-o", str(site)))
    size = sum(file.stat().st_size for file in (site / "data").rglob("*.js"))
    return {**rounded(figures), "data_mb_a_person": round(size / PEOPLE / 1e6, 2)}


def _models(folder: Path) -> dict[str, Any]:
    """A site of many models: the first, which compiles them for the other engine, and another."""
    folder.mkdir(parents=True, exist_ok=True)
    project = folder / "models" / "project"
    plan.write(project)

    def command(*words: str) -> Timed:
        return lakehouse(folder / "home", *words, project=project)

    command("run", "--date", "2024-03-15")
    figures = _figures("first", command("site", "-o", str(folder / "first")))
    figures |= _figures("all", command("site", "-o", str(folder / "site")))
    figures |= _figures("nothing_new", command("site", "-o", str(folder / "site")))
    return {"models": plan.MODELS, **rounded(figures)}


def _figures(name: str, timed: Timed) -> dict[str, float]:
    return {
        f"{name}_process_seconds": timed.seconds,
        f"{name}_cpu_seconds": timed.cpu_seconds,
        f"{name}_build_seconds": timed.json()["seconds"],
    }
