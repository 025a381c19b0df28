"""Settings: `lakehouse.toml`, overridden by environment variables."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from lakehouse.addresses import Address, alert_channels, repeatable, server_names
from lakehouse.addresses.postgres import postgres_address
from lakehouse.addresses.variables import expanded
from lakehouse.addresses.web import bucket_address, web_address
from lakehouse.errors import ConfigError, choices
from lakehouse.storage import Bucket

FILE = "lakehouse.toml"
DEFAULT_PAGES = "pages"
"""The package of pages of a project that names none; it may be missing."""
LOCAL, PRODUCTION = "local", "production"
_ENGINES = {LOCAL: "duckdb", PRODUCTION: "trino"}
"""The engine of each profile, unless another one is set."""
_LONGEST_HOME, _LONGEST_NAME = 480, 255
"""Bytes in the path of a home, at most (SQLite takes 512 with its file names), and in a name."""
_REGION = re.compile(r"[\w-]+")
_KEYS = {  # of the framework's own tables in the file
    "project": ("ingestion", "models", "pages", "seeds", "timezone", "home", "profile", "engine"),
    PRODUCTION: (
        *("nessie_url", "nessie_branch", "trino_url", "trino_catalog"),
        *("warehouse", "s3_endpoint", "region"),
    ),
}
_UNKNOWN_TO_ENGINES = re.compile(r"(right|posix)/.*|posixrules|localtime|Factory|EST|MST|HST|ROC")
"""Names that Python finds among the files of an operating system, and DuckDB or Trino nowhere."""


@dataclass(frozen=True)
class Servers:
    """Servers of the production profile."""

    nessie_url: str
    trino_url: str | None
    warehouse: str
    """Address of the folder of all tables, such as s3://lake/warehouse."""
    bucket: Bucket
    nessie_branch: str = server_names.NESSIE_BRANCH
    """Name in Nessie of the branch that is main here."""
    trino_catalog: str = server_names.TRINO_CATALOG
    """Name of main's catalog in Trino; those of runs begin with it."""


@dataclass(frozen=True)
class Settings:
    """Settings of a project: its folders, profile, servers, and its own sections of the file."""

    root: Path
    """The folder of `lakehouse.toml`."""
    home: Path
    """Folder of everything the local profile writes; in production, of caches and locks only."""
    profile: str
    engine: str
    """The engine that builds models: 'duckdb' or 'trino'."""
    servers: Servers | None
    """Servers of the production profile; None in the local one."""
    postgres_url: Address | None
    """Address of the Postgres that marts are published to; None means the embedded one."""
    alerts: tuple[Address, ...]
    """Addresses of Apprise that alerts are sent to."""
    timezone: ZoneInfo
    """Time zone of the calendar days that `--date` means."""
    ingestion: str
    """Name of the package of ingestion modules."""
    models: str
    """Name of the package of model modules."""
    pages: str
    """Name of the package of pages for the site and of reports; it may be missing."""
    seeds: Path
    """Folder of seeds."""
    sections: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """The project's own tables of the file, by name."""

    @cached_property
    def warehouse(self) -> Path:
        """Folder of tables, staging areas and run records; in production it is in a bucket."""
        if self.servers is not None:
            return self.servers.bucket.path(self.servers.warehouse)
        return self.home / "warehouse"

    def section(self, name: str) -> Mapping[str, Any]:
        """Return the project's own table `[name]` of the file; empty if it has none."""
        return self.sections.get(name, {})


def load(start: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the project that `start` (by default the working folder) lies in.

    Raises ConfigError for a missing file, wrong TOML, or an invalid value.
    """
    env = os.environ if environment is None else environment
    root = find_root(start or Path.cwd())
    document = expanded(_read(root / FILE), env, f"{FILE}: ")
    project = _texts(document, "project")
    declared = _texts(document, PRODUCTION)
    profile = _one_of(
        _ENGINES, env.get("LAKEHOUSE_PROFILE") or project.get("profile", LOCAL), "profile"
    )
    engine = _one_of(
        set(_ENGINES.values()),
        env.get("LAKEHOUSE_ENGINE") or project.get("engine", _ENGINES[profile]),
        "engine",
    )
    if profile == LOCAL and engine != _ENGINES[LOCAL]:
        hint = "set LAKEHOUSE_PROFILE=production, or leave LAKEHOUSE_ENGINE unset"
        raise ConfigError(f"the local profile has no engine {engine!r}", hint=hint)
    return Settings(
        root=root,
        home=_home(root, env.get("LAKEHOUSE_HOME") or project.get("home", ".lakehouse")),
        profile=profile,
        engine=engine,
        servers=_servers(declared, env, engine) if profile == PRODUCTION else None,
        postgres_url=_postgres_url(env),
        alerts=alert_channels(env.get("LAKEHOUSE_ALERTS", "")),
        timezone=zone(
            env.get("LAKEHOUSE_TIMEZONE") or project.get("timezone", "UTC"),
            f"`timezone` in {FILE}",
        ),
        ingestion=project.get("ingestion", "ingestion"),
        models=project.get("models", "models"),
        pages=project.get("pages", DEFAULT_PAGES),
        seeds=root / project.get("seeds", "seeds"),
        sections=document,
    )


def _texts(document: dict[str, Any], name: str) -> dict[str, str]:
    """Take the framework's own table `[name]` out of the document. Raises ConfigError."""
    section = document.pop(name, {})
    if not isinstance(section, dict):
        raise ConfigError(f"`{name}` in {FILE} is no table", hint=f"begin it with [{name}]")
    for key, value in section.items():
        is_known = key in _KEYS[name]
        if not is_known or not isinstance(value, str):
            raise ConfigError(
                f"`{key}` in [{name}] of {FILE} is {'no text' if is_known else 'not known'}",
                hint="write it in quotes" if is_known else choices("keys there", key, _KEYS[name]),
            )
    return section


def _home(root: Path, named: str) -> Path:
    """Return the folder that a setting names. Raises ConfigError if it cannot serve as a home."""
    if "://" in named or named.startswith("file:"):  # not repeated: it may hold a password
        raise ConfigError(
            f"LAKEHOUSE_HOME, or `home` in {FILE}, is an address and no folder",
            hint="set LAKEHOUSE_HOME to the path of a folder; a bucket is LAKEHOUSE_WAREHOUSE",
        )
    try:
        home = (root / Path(named).expanduser()).resolve()
    except (RuntimeError, ValueError, OSError) as error:  # no such user, links in a circle, a NUL
        raise _no_home(named, f"names no folder: {error}") from None
    # Libraries take a path that begins with two slashes for one on a server.
    path = f"/{str(home).lstrip('/')}"
    if reason := _unfit(path):
        raise _no_home(path, reason)
    return Path(path)


def _unfit(path: str) -> str:
    """Return why a path can never be a home; empty if it can."""
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8: tables name their files by text"
    if length > _LONGEST_HOME:
        return f"is longer than {_LONGEST_HOME} bytes: SQLite opens no file there"
    if any(len(part.encode()) > _LONGEST_NAME for part in path.split("/")):
        return f"has a name that is longer than {_LONGEST_NAME} bytes"
    if "\\" in path and {*path} & {*"*?["}:
        return "has a backslash and a `*`, `?` or `[`: DuckDB takes it for a pattern"
    if path.count('"') % 2:
        return 'has a `"` without a second one: DuckDB looks for it'
    return ""


def _no_home(named: str, reason: str) -> ConfigError:
    shown = named.encode(errors="backslashreplace").decode()
    return ConfigError(
        f"the home {shown!r} {reason}",
        hint=f"set LAKEHOUSE_HOME, or `home` in {FILE}, to the path of another folder",
    )


def _one_of(known: Collection[str], value: str, what: str) -> str:
    if value not in known:
        raise ConfigError(
            f"{what} {repeatable(value)} is not known",
            hint=f"use {' or '.join(map(repr, sorted(known)))} in {FILE} or"
            f" LAKEHOUSE_{what.upper()}",
        )
    return value


def _postgres_url(env: Mapping[str, str]) -> Address | None:
    text = env.get("LAKEHOUSE_POSTGRES_URL", "").strip()
    return postgres_address(text, "LAKEHOUSE_POSTGRES_URL") if text else None


def _servers(declared: Mapping[str, str], env: Mapping[str, str], engine: str) -> Servers:
    """Return the servers of the production profile; secrets come from the environment only."""

    def find(key: str, variable: str) -> str | None:
        return env.get(variable) or declared.get(key)

    def address(key: str, variable: str, **options: Any) -> str | None:
        text = find(key, variable)
        return web_address(text, variable, **options) if text else None

    def needed(key: str, variable: str) -> str:
        if (value := find(key, variable)) is None:
            hint = f"set it, or `{key}` in [{PRODUCTION}] of {FILE}"
            raise ConfigError(f"the production profile needs {variable}", hint=hint)
        return value

    def secret(variable: str) -> SecretStr:
        if not (value := env.get(variable)):
            raise ConfigError(
                f"the production profile needs {variable}", hint="set it in the environment"
            )
        return SecretStr(value)

    if engine == _ENGINES[PRODUCTION]:
        needed("trino_url", "LAKEHOUSE_TRINO_URL")
        if _postgres_url(env) is None:
            raise ConfigError(
                "the production profile needs LAKEHOUSE_POSTGRES_URL",
                hint="Trino cannot reach the embedded Postgres: set the address of a server",
            )
    region = find("region", "AWS_REGION") or "us-east-1"
    if not _REGION.fullmatch(region):
        raise ConfigError("AWS_REGION is no name of a region", hint="such as eu-north-1")
    keys = "the key to the bucket is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return Servers(
        nessie_url=web_address(
            needed("nessie_url", "LAKEHOUSE_NESSIE_URL"),
            "LAKEHOUSE_NESSIE_URL",
            secrets_in="Trino shows it to everyone who may list queries",
        ),
        trino_url=address(
            "trino_url",
            "LAKEHOUSE_TRINO_URL",
            secrets_in="Trino is told the name of a user alone, as in http://user@host:8080",
            may_have_user=True,
        ),
        warehouse=bucket_address(needed("warehouse", "LAKEHOUSE_WAREHOUSE"), "LAKEHOUSE_WAREHOUSE"),
        bucket=Bucket(
            endpoint=address("s3_endpoint", "LAKEHOUSE_S3_ENDPOINT", secrets_in=keys),
            region=region,
            access_key=secret("AWS_ACCESS_KEY_ID"),
            secret_key=secret("AWS_SECRET_ACCESS_KEY"),
        ),
        nessie_branch=server_names.nessie_branch(find("nessie_branch", "LAKEHOUSE_NESSIE_BRANCH")),
        trino_catalog=server_names.trino_catalog(find("trino_catalog", "LAKEHOUSE_TRINO_CATALOG")),
    )


def find_root(start: Path) -> Path:
    """Return the nearest folder, `start` or one above it, that holds `lakehouse.toml`."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder.resolve()
    message = f"no {FILE} in {start} or any folder above it"
    raise ConfigError(message, hint="run the command inside a project")


def zone(name: str, where: str) -> ZoneInfo:
    """Return the IANA time zone `name`. Raises ConfigError, which says `where` the name is set."""
    with suppress(KeyError, ValueError, OSError):
        if not _UNKNOWN_TO_ENGINES.fullmatch(name):
            return ZoneInfo(name)
    message = f"{where} is {repeatable(name)}, which is no IANA time zone that all engines know"
    raise ConfigError(message, hint="use a name such as 'Europe/Oslo' or 'UTC'")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", hint="repair the TOML") from None
