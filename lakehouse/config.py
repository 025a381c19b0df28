"""Settings: `lakehouse.toml`, overridden by environment variables."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from lakehouse.addresses import Address, alert_channels, repeatable
from lakehouse.addresses.postgres import postgres_address
from lakehouse.addresses.web import bucket_address, web_address
from lakehouse.errors import ConfigError
from lakehouse.storage import Bucket

FILE = "lakehouse.toml"
LOCAL, PRODUCTION = "local", "production"
_ENGINES = {LOCAL: "duckdb", PRODUCTION: "trino"}
"""The profiles, and the engine of each unless another one is asked for."""
_LONGEST_HOME, _LONGEST_NAME = 480, 255
"""Bytes of its path, which SQLite has 512 for with the names of its files; and of a folder's."""
_REGION = re.compile(r"[\w-]+")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Servers:
    """What the production profile works with."""

    nessie_url: str
    trino_url: str | None
    warehouse: str
    """Such as s3://lake/warehouse."""
    bucket: Bucket


@dataclass(frozen=True)
class Settings:
    """Where a project is, where it writes, and what its own sections of the file say."""

    root: Path
    """The folder of `lakehouse.toml`."""
    home: Path
    """The folder that holds everything the local profile writes; caches and locks in any case."""
    profile: str
    engine: str
    """What builds models: 'duckdb' or 'trino'."""
    servers: Servers | None
    """Those of the production profile."""
    postgres_url: Address | None
    """Where marts are published; None means the embedded Postgres."""
    alerts: tuple[Address, ...]
    """Addresses of Apprise of those who hear of trouble."""
    timezone: ZoneInfo
    """`--date` means a calendar day of this zone."""
    ingestion: str
    """Name of the package of ingestion modules."""
    models: str
    """Name of the package of model modules."""
    sections: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @cached_property
    def warehouse(self) -> Path:
        """The folder of tables, staging areas and run records; in production one in a bucket."""
        if self.servers is not None:
            return self.servers.bucket.path(self.servers.warehouse)
        return self.home / "warehouse"

    def section(self, name: str) -> Mapping[str, Any]:
        """The project's own table `[name]` of the file; empty if it has none."""
        return self.sections.get(name, {})


def load(start: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the project that `start` (by default the working folder) lies in.

    Raises ConfigError for a missing file, wrong TOML, or a value that cannot be meant.
    """
    env = os.environ if environment is None else environment
    root = find_root(start or Path.cwd())
    document = _expand(_read(root / FILE), env, "")
    project = document.pop("project", {})
    declared = document.pop(PRODUCTION, {})
    profile = _one_of(
        _ENGINES, env.get("LAKEHOUSE_PROFILE") or project.get("profile", LOCAL), "profile"
    )
    engine = _one_of(
        set(_ENGINES.values()),
        env.get("LAKEHOUSE_ENGINE") or project.get("engine", _ENGINES[profile]),
        "engine",
    )
    if profile == LOCAL and engine != _ENGINES[LOCAL]:
        raise ConfigError(
            f"the local profile has no engine {engine!r}",
            hint="set LAKEHOUSE_PROFILE=production, or leave LAKEHOUSE_ENGINE unset",
        )
    return Settings(
        root=root,
        home=_home(root, str(env.get("LAKEHOUSE_HOME") or project.get("home", ".lakehouse"))),
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
        sections=document,
    )


def _home(root: Path, named: str) -> Path:
    """The folder that a setting names. Raises ConfigError if it cannot serve as a home."""
    if "://" in named or named.startswith("file:"):  # it may hold a password: it is not repeated
        raise ConfigError(
            f"LAKEHOUSE_HOME, or `home` in {FILE}, is an address and no folder",
            hint="set LAKEHOUSE_HOME to the path of a folder; a bucket is LAKEHOUSE_WAREHOUSE",
        )
    try:
        home = (root / Path(named).expanduser()).resolve()
    except (RuntimeError, ValueError, OSError) as error:  # no such user, links in a circle, a NUL
        raise _no_home(named, f"names no folder: {error}") from None
    path = f"/{str(home).lstrip('/')}"  # a second slash in front makes it a server's to libraries
    if reason := _unfit(path):
        raise _no_home(path, reason)
    return Path(path)


def _unfit(path: str) -> str:
    """Why no home can be there, whatever is done about it; nothing if one can."""
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


def _servers(declared: Mapping[str, Any], env: Mapping[str, str], engine: str) -> Servers:
    """The servers of the production profile. Secrets come from the environment alone."""

    def find(key: str, variable: str) -> str | None:
        value = env.get(variable) or declared.get(key)
        return None if value is None else str(value)

    def address(key: str, variable: str, **options: Any) -> str | None:
        text = find(key, variable)
        return web_address(text, variable, **options) if text else None

    def needed(key: str, variable: str) -> str:
        if (value := find(key, variable)) is None:
            raise ConfigError(
                f"the production profile needs {variable}",
                hint=f"set it, or `{key}` in [{PRODUCTION}] of {FILE}",
            )
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
    )


def find_root(start: Path) -> Path:
    """The nearest folder, `start` or above it, that holds `lakehouse.toml`."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder.resolve()
    raise ConfigError(
        f"no {FILE} in {start} or any folder above it",
        hint="run the command inside a project",
    )


def zone(name: str, where: str) -> ZoneInfo:
    """The IANA time zone `name`; ConfigError says `where` the name stood."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"{where} is {repeatable(name)}, which is no IANA time zone",
            hint="use a name such as 'Europe/Oslo' or 'UTC'",
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", hint="repair the TOML") from None


def _expand(value: Any, env: Mapping[str, str], where: str) -> Any:
    """Replace `${NAME}` and `${NAME:-default}` in every text of the document."""
    if isinstance(value, dict):
        return {key: _expand(item, env, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, env, where) for item in value]
    if not isinstance(value, str):
        return value

    def lookup(found: re.Match[str]) -> str:
        text = env.get(found[1]) or found[2]
        if text is None:
            raise ConfigError(
                f"{FILE}: {where[1:]} needs the environment variable {found[1]}",
                hint=f"set {found[1]}",
            )
        return text

    return _VARIABLE.sub(lookup, value)
