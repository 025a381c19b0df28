"""A home of the project: days of a story are run there, by the command."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chaos import forks, story
from chaos.look import Rest, State, look


@dataclass(frozen=True)
class ProjectHome:
    """A folder that days of a story are run in; implements `Home`."""

    folder: Path
    seed: int

    def run(self, number: int) -> tuple[int, State, Rest]:
        """Run the day in a process of its own; its exit code, and what is there then."""
        with self.source(number) as url:
            return forks.call(lambda: (self.run_here(number, url), *self._look()))

    def killed_run(self, number: int, after: float) -> bool:
        """Run the day in a process that is killed after so many seconds; whether it was alive."""
        with self.source(number) as url:
            return forks.kill(partial(self.run_here, number, url), after)

    def look(self) -> tuple[State, Rest]:
        """What is there now."""
        return forks.call(self._look)

    def remove(self) -> None:
        """Delete it; whoever used its Postgres last has stopped it."""
        shutil.rmtree(self.folder)

    @contextmanager
    def source(self, number: int) -> Iterator[str]:
        """Serve what there is on the day; the address."""
        with forks.beside(partial(story.serve, self.seed, number)) as url:
            yield url.decode()

    def run_here(self, number: int, url: str) -> int:
        """Run the day here, from a source at this address; the exit code."""
        with contextlib.redirect_stdout(io.StringIO()):
            return self._main(("run", "--date", str(story.day(number))), url)

    def _main(self, words: Sequence[str], url: str) -> int:
        from lakehouse.cli import main

        os.environ |= {"LAKEHOUSE_HOME": str(self.folder), "NIGHTSCOUT_URL": url}
        return main(words)

    def _look(self) -> tuple[State, Rest]:
        from lakehouse import postgres
        from lakehouse.session import Session

        os.environ["LAKEHOUSE_HOME"] = str(self.folder)
        with Session() as session, postgres.serving(session.settings) as address:
            return look(session, address.reveal())
