"""The Nightscout servers of all people, read one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ingestion.client import Client
from ingestion.documents import to_table
from ingestion.people import Person, configured_patience, configured_people
from ingestion.recording import Recording
from ingestion.replay import ReplayServer
from lakehouse import Window

DEMO = "demo"
"""The site of the bundled recording."""


@dataclass(frozen=True)
class Nightscout:
    """The clients of all people, and the server of the recording if nobody is configured."""

    clients: tuple[Client, ...]
    replay: ReplayServer | None = None

    @classmethod
    def configured(cls, section: Mapping[str, Any], environment: Mapping[str, str]) -> Nightscout:
        """Return clients for the configured people, or for the recording if there are none.

        People are read from `[nightscout]` and the environment. Raises ConfigError for invalid
        settings.
        """
        patience = configured_patience(section)
        people = configured_people(section, environment)
        replay = None if people else ReplayServer(Recording())
        if replay is not None:
            people = (Person(DEMO, replay.url),)
        return cls(tuple(Client(person, patience) for person in people), replay)

    @property
    def people(self) -> tuple[Person, ...]:
        """The people whose readings are fetched."""
        return tuple(client.person for client in self.clients)

    def entries(self, window: Window) -> Iterator[pa.Table]:
        """Yield every entry of `window` of every person, a table per answer. Raises SourceError."""
        for client in self.clients:
            for documents in client.entries(window):
                yield to_table(client.person.site, documents)

    def close(self) -> None:
        """Close the connections and stop the server of the recording."""
        for client in self.clients:
            client.close()
        if self.replay is not None:
            self.replay.close()
