"""How the code hangs together: imports point downwards, and the framework knows no glucose."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    ["__main__"],
    ["cli"],
    ["units"],
    ["schedule"],
    ["doctor", "run", "testing", "preview", "diff", "why", "maintain"],
    ["damage"],
    ["alerts"],
    ["freshness", "recheck", "rejected"],
    ["steps"],
    ["request", "probes", "turns"],
    ["release"],
    ["standing"],
    ["session", "graph", "branches", "disk"],
    ["elsewhere", "reproducible"],
    [
        "publish",
        "publications",
        "audit",
        "runs",
        "ingest",
        "materialize",
        "postgres",
        "selectors",
        "code",
        "records",
    ],
    ["engines", "catalogs", "plan", "draw", "cache", "home"],
    ["layout", "portability"],
    ["compile", "state"],
    ["dag", "judgement"],
    ["project", "raw"],
    ["declare", "config"],
    ["checks", "windows", "keys", "schemas", "evidence"],
    ["leases", "cron", "expressions", "dialects", "tasks", "rows"],
    ["storage", "loading", "documents", "clock", "signals", "users", "addresses", "discretion"],
    ["errors"],
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def modules(package):
    return sorted(path for path in (ROOT / package).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(dotted):
    """The part of the framework that a dotted name lies in."""
    pieces = dotted.split(".")
    return pieces[1] if len(pieces) > 1 and pieces[0] == "lakehouse" else None


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path):
    own = path.relative_to(ROOT / "lakehouse").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in RANK, f"{own} has no place in the layers yet"
    for name in imports(path):
        used = part(name)
        if used in RANK and used != own:
            assert RANK[own] < RANK[used] or LAYERS[RANK[own]] == LAYERS[RANK[used]], (
                f"{own} imports {used}, which lies above it"
            )


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_framework_knows_no_glucose(path):
    words = r"glucose|nightscout|diabet|mg_dl|mmol|insulin|sensor|\bsgv\b|cgm"
    assert not re.findall(words, path.read_text(), re.IGNORECASE)


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_framework_does_not_import_a_project(path):
    assert not [name for name in imports(path) if name.split(".")[0] in {"ingestion", "models"}]


@pytest.mark.parametrize(
    "path", modules("ingestion") + modules("models"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_project_knows_no_engine_or_catalog(path):
    inner = {"engines", "catalogs", "session", "run", "publish", "materialize", "postgres"}
    used = {part(name) for name in imports(path)}
    roots = {name.split(".")[0] for name in imports(path)}
    assert not used & inner
    assert not roots & {"duckdb", "trino", "pyiceberg", "psycopg", "hamilton", "dlt"}
