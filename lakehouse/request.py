"""What a run is asked to do, and who is told how it gets on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse import windows
from lakehouse.windows import Window, Windows

if TYPE_CHECKING:
    from lakehouse.runs import RunReport


class Listener(Protocol):
    """Is told how a run is getting on."""

    def progress(self, message: str) -> None:
        """What is being done now."""
        ...

    def detail(self, message: str) -> None:
        """Something that was done."""
        ...

    def warning(self, message: str) -> None:
        """Something that went wrong while the rest goes on."""
        ...

    def ended(self, report: RunReport) -> None:
        """What a run did, also if it failed."""
        ...


class Silence:
    """Listens to nothing."""

    def progress(self, message: str) -> None: ...
    def detail(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def ended(self, report: RunReport) -> None: ...


@dataclass(frozen=True)
class Request:
    """What a run is asked to do."""

    windows: Windows
    selected: frozenset[str]
    full_refresh: bool = False
    message: str = ""
    resume: bool = False
    """Use what an earlier run of the same windows staged before it was cut short."""
    workers: int = 1
    """How many pieces of a long window are fetched at a time."""
    hold: bool = False
    """Leave the branch to be reviewed, and main as it is."""

    retry: bool = False
    """Ask no source: judge again what is in quarantine."""

    @property
    def name(self) -> str:
        """What makes two requests the same."""
        asked: list[Any] = [windows.to_json(self.windows), sorted(self.selected)]
        return json.dumps([*asked, "retry"] if self.retry else asked)

    @property
    def hull(self) -> Window:
        """From the start of the first window to the end of the last."""
        return Window(self.windows[0].start, self.windows[-1].end)
