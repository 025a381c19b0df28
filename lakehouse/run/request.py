"""The request of a run: its windows, its selection and its options."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse import windows
from lakehouse.windows import Window, Windows

if TYPE_CHECKING:
    from lakehouse.ingest.fetch import Fetch
    from lakehouse.run.context import RunContext


class Edit(Protocol):
    """A change of the stored rows of one ingestion."""

    @property
    def name(self) -> str:
        """The bare name of the ingestion."""
        ...

    def fetch(self, context: RunContext) -> Fetch | None:
        """Return rows that are staged and merged as fetched ones; None if there are none."""
        ...

    def apply(self, context: RunContext) -> None:
        """Change other rows on the branch of a run."""
        ...


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

    edit: Edit | None = None
    """Ask no source, but change stored rows of one ingestion."""

    @property
    def asks_sources(self) -> bool:
        """Whether sources are asked for rows."""
        return not self.retry and self.edit is None

    @property
    def name(self) -> str:
        """A text that is equal for requests that fetch the same; `resume` looks for it."""
        contents: list[Any] = [windows.to_json(self.windows), sorted(self.selected)]
        return json.dumps(contents if self.asks_sources else [*contents, "retry"])

    @property
    def hull(self) -> Window:
        """The window from the start of the first window to the end of the last."""
        return Window(self.windows[0].start, self.windows[-1].end)
