"""Settings of the people whose readings are fetched, and of how long their servers may take.

Addresses, time zones, travels, units and targets are set in `[[nightscout.sites]]` of
lakehouse.toml; for one person, the variables NIGHTSCOUT_URL, NIGHTSCOUT_SITE, NIGHTSCOUT_TIMEZONE
and NIGHTSCOUT_UNITS do. Secrets are set in the environment only. No message repeats a secret, nor
an invalid address, as a secret may be in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ingestion import targets, travel
from ingestion.certificates import CA_FILE, trusted
from lakehouse import ConfigError
from lakehouse.addresses import repeatable
from lakehouse.addresses.web import web_address
from lakehouse.config import zone

URL, SITE = "NIGHTSCOUT_URL", "NIGHTSCOUT_SITE"
TIMEZONE, UNITS = "NIGHTSCOUT_TIMEZONE", "NIGHTSCOUT_UNITS"
CREDENTIALS = ("NIGHTSCOUT_API_SECRET", "NIGHTSCOUT_TOKEN")

_CREDENTIAL = re.compile(rf"({'|'.join(CREDENTIALS)})(_.+)?")
_LONGEST_TIMEOUT = 3600
"""Seconds."""
_SETTINGS = ("sites", "timeout", "attempts", "wake_timeout")
_TEXTS = ("url", "timezone", "ca_file", "units")
_OF_A_SITE = ("site", *_TEXTS, "target_range", "travels")
_PAGE = re.compile(
    r"/(api(/.*)?|(report|admin|profile|food|clock|split|bgclock)(/.*)?|[\w.-]+\.(html|json))$"
)
"""What may follow the address of a Nightscout: its API, and the pages that people open."""


@dataclass(frozen=True)
class Person:
    """One person and the address of their Nightscout.

    `url` has no query, no password and no slash at its end; `timezone` is an IANA name, that of the
    zone before the first of the `travels`. `suffix` ends the names of the environment variables
    with the person's secrets. `ca_file` is the path of the authorities whose certificates are
    trusted; None: the well-known ones. `units` are what the person reads, and `target_range` the
    lowest and the highest value in target, in mg/dL.
    """

    site: str
    url: str
    timezone: str = "UTC"
    secret: SecretStr | None = None
    token: SecretStr | None = None
    suffix: str = ""
    ca_file: str | None = None
    units: str = targets.MG_DL
    target_range: tuple[int, int] = targets.CONSENSUS
    travels: tuple[travel.Travel, ...] = ()

    @property
    def variables(self) -> tuple[str, str]:
        """Names of the environment variables of the person's secret and token."""
        return _variables(self.suffix)


@dataclass(frozen=True)
class Patience:
    """Limits, in seconds, of waiting for a server, and the number of attempts.

    `timeout` is the longest pause of a server; the other limits are multiples of it. Waits between
    attempts grow from about `first_wait` to `longest_wait` at most, whatever the server asks for. A
    server that seems to be starting is asked again for `wake_timeout`, also beyond `attempts`; with
    one attempt, nothing is ever asked again.
    """

    timeout: float = 30.0
    attempts: int = 4
    wake_timeout: float = 90.0
    first_wait: float = 1.0
    longest_wait: float = 30.0

    @property
    def exchange(self) -> float:
        """Seconds that a request and its answer may take, however much the server sends."""
        return 4 * self.timeout

    @property
    def overall(self) -> float:
        """Seconds after which a failed request is not attempted again."""
        return 10 * self.timeout


def configured_people(
    section: Mapping[str, Any], environment: Mapping[str, str], root: Path = Path()
) -> tuple[Person, ...]:
    """Return the people of `[nightscout]` and of the environment; empty if no address is set.

    `root` is the folder that paths are relative to. Raises ConfigError for invalid settings.
    """
    env = {name: text.strip() for name, text in environment.items() if text.strip()}
    people = [_from_block(block, env, root) for block in _blocks(section)]
    if URL in env:
        _require_name(env.get(SITE, ""), SITE)
        own = {"url": env[URL], "timezone": env.get(TIMEZONE), "units": env.get(UNITS)}
        own["ca_file"] = env.get(CA_FILE)
        people.insert(0, _person(env.get(SITE, "home"), own, "", env, root))
    _require_distinct(people)
    _require_addresses(people, env)
    return tuple(people)


def configured_patience(section: Mapping[str, Any]) -> Patience:
    """Return the limits that `[nightscout]` sets. Raises ConfigError."""
    unknown = sorted(set(section) - {*_SETTINGS})
    if unknown:
        raise ConfigError(
            f"[nightscout] has {unknown[0]!r}, which means nothing",
            hint=f"it takes {', '.join(_SETTINGS)}; secrets stay in the environment",
        )
    attempts = section.get("attempts", Patience.attempts)
    if type(attempts) is not int or attempts < 1:
        raise ConfigError(
            f"`attempts` in [nightscout] is {repeatable(attempts)}",
            hint="give a whole number from 1",
        )
    return Patience(
        timeout=_seconds(section, "timeout", Patience.timeout),
        attempts=attempts,
        wake_timeout=_seconds(section, "wake_timeout", Patience.wake_timeout),
    )


def _seconds(section: Mapping[str, Any], name: str, default: float) -> float:
    seconds = section.get(name, default)
    if type(seconds) not in (int, float) or not (0 < seconds <= _LONGEST_TIMEOUT):
        raise ConfigError(
            f"`{name}` in [nightscout] is {repeatable(seconds)}",
            hint=f"give seconds, more than 0 and at most {_LONGEST_TIMEOUT}",
        )
    return float(seconds)


def _blocks(section: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    blocks = section.get("sites", [])
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        raise ConfigError(
            "`sites` in [nightscout] is no list of tables",
            hint="write one [[nightscout.sites]] block for each person",
        )
    return blocks


def _from_block(block: Mapping[str, Any], env: Mapping[str, str], root: Path) -> Person:
    site = block.get("site")
    if not isinstance(site, str) or not site.strip():
        raise ConfigError(
            "a [[nightscout.sites]] block has no name", hint='give it one, such as site = "anna"'
        )
    _require_name(site, "`site` of a [[nightscout.sites]] block")
    where = f"site {site!r} in [[nightscout.sites]]"
    unknown = sorted(set(block) - {*_OF_A_SITE})
    if unknown:
        raise ConfigError(
            f"{where} has {unknown[0]!r}, which means nothing",
            hint=f"it takes {', '.join(_OF_A_SITE)}; secrets stay in the environment",
        )
    for name in _TEXTS:
        if not isinstance(block.get(name, ""), str):
            raise ConfigError(f"`{name}` of {where} is no text", hint="write it in quotes")
    if not block.get("url"):
        raise ConfigError(f"{where} has no url", hint=f"add its address, or remove {site!r}")
    return _person(site, block, f"_{_upper(site)}", env, root)


def _person(
    site: str, own: Mapping[str, Any], suffix: str, env: Mapping[str, str], root: Path
) -> Person:
    """Return a person by their settings; `suffix` is empty for the one of the environment."""
    places = {name: f"`{name}` of site {site!r}" for name in _OF_A_SITE}
    if not suffix:
        places |= {"url": URL, "timezone": TIMEZONE, "ca_file": CA_FILE, "units": UNITS}
    variables = _variables(suffix)
    secret, token = (SecretStr(env[name]) if name in env else None for name in variables)
    if secret and token:
        raise ConfigError(f"{' and '.join(variables)} are both set", hint="keep one of them")
    url = _address(own["url"] or "", places["url"])
    is_encrypted = url.startswith("https:")
    units = targets.units(own.get("units"), places["units"])
    home = zone(own.get("timezone") or "UTC", places["timezone"]).key
    return Person(
        site=site,
        url=url,
        timezone=home,
        secret=secret,
        token=token,
        suffix=suffix,
        ca_file=trusted(own.get("ca_file"), places["ca_file"], env, root) if is_encrypted else None,
        units=units,
        target_range=targets.target_range(own.get("target_range"), units, places["target_range"]),
        travels=travel.travels(own.get("travels"), home, places["travels"]),
    )


def _require_name(site: str, where: str) -> None:
    if "://" in site:
        raise ConfigError(
            f"{where} is an address", hint="give a name; the address is `url`, or NIGHTSCOUT_URL"
        )


def _address(text: str, where: str) -> str:
    advice = f"secrets belong in {' or '.join(CREDENTIALS)}"
    return _PAGE.sub("", web_address(text, where, secrets_in=advice))


def _require_distinct(people: list[Person]) -> None:
    seen: dict[str, str] = {}
    for person in people:
        name = _upper(person.site)
        if name in seen:
            raise ConfigError(
                f"sites {seen[name]!r} and {person.site!r} share a name",
                hint="give each person a site that differs in letters or digits",
            )
        seen[name] = person.site


def _require_addresses(people: list[Person], env: Mapping[str, str]) -> None:
    known = {variable for person in people for variable in person.variables}
    for name in sorted(env):
        if _CREDENTIAL.fullmatch(name) and name not in known:
            raise ConfigError(
                f"{name} belongs to no address",
                hint=f"set {URL}, or name the variable after a site of [[nightscout.sites]]",
            )


def _variables(suffix: str) -> tuple[str, str]:
    secret, token = CREDENTIALS
    return secret + suffix, token + suffix


def _upper(site: str) -> str:
    """Return the site as it is written in the names of environment variables."""
    return re.sub(r"[^A-Z0-9]", "_", site.upper())
