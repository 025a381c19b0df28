"""The Nightscout servers of all people, read side by side; each may fail without the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingestion.client import Client
from ingestion.documents import to_table
from ingestion.exchange import Exchanges
from ingestion.people import Person, configured_patience, configured_people
from ingestion.recording import Recording
from ingestion.replay import ReplayServer
from ingestion.side_by_side import Pause, Reading, side_by_side
from lakehouse import SourceError, Unread, Window

DEMO = "demo"
"""The site of the bundled recording."""


@dataclass(frozen=True)
class Nightscout:
    """The clients of all people, and the server of the recording if nobody is configured."""

    clients: tuple[Client, ...]
    replay: ReplayServer | None = None

    @classmethod
    def configured(
        cls, section: Mapping[str, Any], environment: Mapping[str, str], root: Path = Path()
    ) -> Nightscout:
        """Return clients for the configured people, or for the recording if there are none.

        People are read from `[nightscout]` and the environment; paths are relative to `root`.
        Raises ConfigError for invalid settings.
        """
        patience = configured_patience(section)
        people = configured_people(section, environment, root)
        replay = None if people else ReplayServer(Recording())
        if replay is not None:
            people = (Person(DEMO, replay.url),)
        return cls(tuple(Client(person, patience) for person in people), replay)

    @property
    def people(self) -> tuple[Person, ...]:
        """The people whose readings are fetched."""
        return tuple(client.person for client in self.clients)

    def entries(self, window: Window) -> Iterator[pa.Table | Unread]:
        """Yield every entry of `window` of every person, a table per answer, as they arrive.

        Those who could not be read come last, with the reasons. Raises SourceError if that is
        everybody.
        """
        exchanges, failures = Exchanges(), dict[str, SourceError]()
        readings = [
            Reading(client.person.site, client.host, _tables(client, window, exchanges))
            for client in self.clients
        ]
        with closing(side_by_side(readings, exchanges.cut)) as arriving:
            for site, arrived in arriving:
                if isinstance(arrived, SourceError):
                    failures[site] = arrived
                else:
                    yield arrived
        errors = {name: failures[name] for name in (r.name for r in readings) if name in failures}
        if errors and len(errors) == len(readings):
            raise _of_everybody([*errors.values()])
        for site, error in errors.items():
            yield Unread({"site": site}, error.message, error.hint)

    def close(self) -> None:
        """Close the connections and stop the server of the recording."""
        for client in self.clients:
            client.close()
        if self.replay is not None:
            self.replay.close()


def _tables(client: Client, window: Window, exchanges: Exchanges) -> Iterator[pa.Table | Pause]:
    for step in client.steps(window, exchanges):
        yield step if isinstance(step, Pause) else to_table(client.person.site, step)


def _of_everybody(errors: list[SourceError]) -> SourceError:
    """Return one error with the reasons of all."""
    if len(errors) == 1:
        return errors[0]
    hints = dict.fromkeys(error.hint for error in errors if error.hint)
    return SourceError(
        f"nobody could be read: {'; '.join(error.message for error in errors)}",
        hint="; ".join(hints),
    )
