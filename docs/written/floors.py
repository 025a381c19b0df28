"""The ranking of the framework's folders: which may import which."""

from __future__ import annotations

FLOORS = [
    ["__main__"],
    ["cli", "dagster"],
    ["site"],
    ["erase", "interface", "report", "schedule"],
    ["maintain", "run"],
    ["alerts", "doctor", "history"],
    ["audit", "publish", "testing"],
    ["branches", "session", "superset"],
    ["build", "ingest", "postgres", "records", "watch"],
    ["draw", "engines"],
    ["catalogs", "lineage"],
    ["pages", "plan", "portability", "scaffold"],
    ["compile"],
    ["declare"],
    ["checks", "home", "sql_models"],
    ["config", "expressions", "patches"],
    ["identity"],
    ["addresses", "small_files", "storage"],
    ["errors", "keys", "system", "table_names", "windows"],
]
"""Folders and modules at the root of the framework, from the top: each may import those below."""
