"""The request of a run: its windows, its selection and its options."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lakehouse import windows
from lakehouse.windows import Window, Windows


@dataclass(frozen=True)
class Request:
    """Request of a run: its windows, the selected nodes by name, and options."""

    windows: Windows
    selected: frozenset[str]
    full_refresh: bool = False
    message: str = ""
    resume: bool = False
    """Use the pages that an interrupted run of the same windows has staged."""
    workers: int = 1
    """Pieces of a long window that are fetched at a time."""
    hold: bool = False
    """Keep the branch for a review, and leave main as it is."""

    retry: bool = False
    """Ask no source, but validate the rows in quarantine again."""

    @property
    def name(self) -> str:
        """A text that is equal for requests that fetch the same; `resume` looks for it."""
        contents: list[Any] = [windows.to_json(self.windows), sorted(self.selected)]
        return json.dumps([*contents, "retry"] if self.retry else contents)

    @property
    def hull(self) -> Window:
        """The window from the start of the first window to the end of the last."""
        return Window(self.windows[0].start, self.windows[-1].end)
