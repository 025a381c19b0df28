"""Settings: `lakehouse.toml`, overridden by environment variables."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from lakehouse.errors import ConfigError

FILE = "lakehouse.toml"
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Settings:
    """Where a project is, where it writes, and what its own sections of the file say."""

    root: Path
    """The folder of `lakehouse.toml`."""
    home: Path
    """The folder that holds everything the local profile writes."""
    profile: str
    postgres_url: SecretStr | None
    """Where marts are published; None means the embedded Postgres."""
    timezone: ZoneInfo
    """`--date` means a calendar day of this zone."""
    ingestion: str
    """Name of the package of ingestion modules."""
    models: str
    """Name of the package of model modules."""
    sections: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @property
    def warehouse(self) -> Path:
        """The folder of tables, staging areas and run records."""
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
    profile = env.get("LAKEHOUSE_PROFILE") or project.get("profile", "local")
    if profile != "local":
        raise ConfigError(
            f"profile {profile!r} is not known",
            hint="use 'local' in lakehouse.toml or LAKEHOUSE_PROFILE",
        )
    home = Path(env.get("LAKEHOUSE_HOME") or project.get("home", ".lakehouse")).expanduser()
    return Settings(
        root=root,
        home=(home if home.is_absolute() else root / home).resolve(),
        profile=profile,
        postgres_url=SecretStr(url) if (url := env.get("LAKEHOUSE_POSTGRES_URL")) else None,
        timezone=zone(
            env.get("LAKEHOUSE_TIMEZONE") or project.get("timezone", "UTC"),
            f"`timezone` in {FILE}",
        ),
        ingestion=project.get("ingestion", "ingestion"),
        models=project.get("models", "models"),
        sections=document,
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
            f"{where} is {name!r}, which is no IANA time zone",
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
