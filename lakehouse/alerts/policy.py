"""Quiet hours, in which only some alerts are sent: `[alerts]` of lakehouse.toml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from lakehouse.addresses import repeatable
from lakehouse.config import FILE, Settings
from lakehouse.errors import ConfigError

SECTION = "alerts"


@dataclass(frozen=True)
class Policy:
    """Hours of a day, in the project's time zone, in which only some alerts are sent."""

    timezone: ZoneInfo
    quiet: tuple[time, time] | None = None
    """Start and end; the end may be of the next day."""
    always: frozenset[str] = frozenset()
    """Names of problems whose alerts are sent at any hour."""

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """Return the policy that the settings declare. Raises ConfigError."""
        section = dict(settings.section(SECTION))
        hours, always = section.pop("quiet_hours", None), section.pop("always", [])
        if section:
            raise ConfigError(
                f"[{SECTION}] of {FILE} has no {min(section)!r}",
                hint="its settings are `quiet_hours` and `always`",
            )
        return cls(settings.timezone, _hours(hours), frozenset(always))

    def is_quiet(self, name: str, now: datetime) -> bool:
        """Return whether alerts of a name have to wait at this time."""
        if self.quiet is None or name in self.always:
            return False
        start, end = self.quiet
        at = now.astimezone(self.timezone).time()
        return start <= at < end if start < end else at >= start or at < end

    def shown(self, instant: datetime) -> str:
        """Return an instant as text, in the project's time zone."""
        return f"{instant.astimezone(self.timezone):%Y-%m-%d %H:%M} {self.timezone}"


def _hours(text: str | None) -> tuple[time, time] | None:
    if text is None:
        return None
    try:
        start, end = map(time.fromisoformat, text.split("-"))
    except (ValueError, AttributeError):
        raise ConfigError(
            f"`quiet_hours` in [{SECTION}] of {FILE} is {repeatable(text)}",
            hint="write it as '22:00-07:00'",
        ) from None
    return start, end
