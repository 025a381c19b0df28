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
from lakehouse.addresses.encryption import encryption
from lakehouse.addresses.home_folder import home_folder
from lakehouse.addresses.postgres import postgres_address
from lakehouse.addresses.variables import expanded
from lakehouse.addresses.web import bucket_address, web_address
from lakehouse.errors import ConfigError, choices
from lakehouse.identity import NOBODY, Identity
from lakehouse.identity import read as identities
from lakehouse.storage import Bucket
from lakehouse.system.aws_keys import Keys

FILE = "lakehouse.toml"
DEFAULT_PAGES = "pages"
"""The package of pages of a project that names none; it may be missing."""
LOCAL, PRODUCTION = "local", "production"
_ENGINES = {LOCAL: "duckdb", PRODUCTION: "trino"}
"""The engine of each profile, unless another one is set."""
_REGION = re.compile(r"[\w-]+")
_KEYS = {  # of the framework's own tables in the file
    "project": ("ingestion", "models", "pages", "seeds", "timezone", "home", "profile", "engine"),
    PRODUCTION: (
        *("nessie_url", "nessie_branch", "nessie_warehouse", "trino_url", "trino_catalog"),
        *("warehouse", "s3_endpoint", "s3_path_style", "s3_encryption", "region"),
        *identities.KEYS,
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
    nessie_warehouse: str | None = None
    """Name of the warehouse in Nessie's configuration; None means its default one."""
    nessie_identity: Identity = NOBODY
    trino_identity: Identity = NOBODY
    trino_secrets: str = "ENV"
    """Name of the provider that Trino takes secrets of catalogs from; ENV is its environment."""
    trino_postgres_catalog: str | None = None
    """Name of a catalog of Trino over the marts' Postgres; None means that runs make one."""
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
        home=home_folder(root, env.get("LAKEHOUSE_HOME") or project.get("home", ".lakehouse")),
        profile=profile,
        engine=engine,
        servers=_servers(root, declared, env, engine) if profile == PRODUCTION else None,
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


def _servers(
    root: Path, declared: Mapping[str, str], env: Mapping[str, str], engine: str
) -> Servers:
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
    nessie_url = web_address(
        needed("nessie_url", "LAKEHOUSE_NESSIE_URL"),
        "LAKEHOUSE_NESSIE_URL",
        secrets_in="Trino shows it to all who list queries; a token is LAKEHOUSE_NESSIE_TOKEN",
    )
    trino_url = address(
        "trino_url",
        "LAKEHOUSE_TRINO_URL",
        secrets_in="it may name a user, https://user@host; a password is LAKEHOUSE_TRINO_PASSWORD",
        may_have_user=True,
    )
    s3 = address("s3_endpoint", "LAKEHOUSE_S3_ENDPOINT", secrets_in=keys)
    # Amazon has deprecated paths, and other servers seldom know names of hosts.
    style = find("s3_path_style", "LAKEHOUSE_S3_PATH_STYLE") or ("true" if s3 else "false")
    return Servers(
        nessie_url=nessie_url,
        trino_url=trino_url,
        warehouse=bucket_address(needed("warehouse", "LAKEHOUSE_WAREHOUSE"), "LAKEHOUSE_WAREHOUSE"),
        bucket=Bucket(
            endpoint=s3,
            region=region,
            own_keys=_keys(env),
            profile=env.get("AWS_PROFILE") or None,
            has_path_style=_one_of(("true", "false"), style, "s3_path_style") == "true",
            encryption=encryption(find("s3_encryption", "LAKEHOUSE_S3_ENCRYPTION")),
        ),
        nessie_warehouse=identities.warehouse(declared, env),
        trino_secrets=identities.trino_name("secrets", declared, env) or "ENV",
        trino_postgres_catalog=identities.trino_name("postgres_catalog", declared, env),
        nessie_identity=identities.nessie(nessie_url, declared, env, root),
        trino_identity=identities.trino(trino_url, declared, env, root),
        nessie_branch=server_names.nessie_branch(find("nessie_branch", "LAKEHOUSE_NESSIE_BRANCH")),
        trino_catalog=server_names.trino_catalog(find("trino_catalog", "LAKEHOUSE_TRINO_CATALOG")),
    )


def _keys(env: Mapping[str, str]) -> Keys | None:
    """Return the keys to the bucket, if the environment names them. Raises ConfigError for half."""
    needed = {name: env.get(name) or "" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    if not any(needed.values()):
        return None
    for name, value in needed.items():
        if not value:
            hint = "set both, or neither, for the keys of AWS_PROFILE or of this machine's role"
            raise ConfigError(f"the key to the bucket needs {name}", hint=hint)
    token = env.get("AWS_SESSION_TOKEN")
    key, secret = map(SecretStr, needed.values())
    return Keys(key, secret, SecretStr(token) if token else None)


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
