"""Staging in a process of its own.

It loads dlt, which takes half a second, while the run's own process loads everything else, and is
handed the pages as Arrow. What it is sent: a line that says what to stage; for each page a line
with its name, then the page as an Arrow stream; an empty line at the end, or one that says that no
more will come. It answers with a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lakehouse import storage
from lakehouse.errors import StorageError
from lakehouse.ingest.stage import load
from lakehouse.loading import undisturbed

if TYPE_CHECKING:
    import pyarrow as pa

_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from lakehouse.ingest.loader import serve
serve()
"""
"""Told where the packages are: in PYTHONPATH, a folder with a colon would be two."""
_ABANDONED = "\0"
"""In place of a name: the source failed, so nothing is to be staged."""
_PACKAGES = str(Path(__file__).parents[2])


class Loader:
    """A process that stages; it starts when first needed, or when told to get ready."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """`meanwhile` is done each time while it writes what it was sent."""
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._meanwhile = meanwhile

    def start(self) -> subprocess.Popen[bytes]:
        """Let it load what it needs, unless it did."""
        if self._process is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="lakehouse-", ignore_cleanup_errors=True
            )
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-c", _PROGRAM, _PACKAGES],
                # It is killed, whatever it has there.
                env={**os.environ, "TMPDIR": self._temporary.name},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._process

    def __call__(
        self, pages: Mapping[str, Iterable[pa.Table]], *, group: str, folder: Path
    ) -> dict[str, list[str]]:
        """Stage the pages as `stage` does. Raises StorageError if they cannot be written."""
        request = {
            "names": list(pages),
            "group": group,
            "folder": str(folder),
            "options": storage.options(folder),
        }
        try:
            staged, problem = _ask(self.start(), request, pages, self._meanwhile)
        except BaseException as error:
            if not isinstance(error, Exception):
                self.close()  # it waits for pages that will not come
            raise
        if problem:
            self.close()
            raise StorageError(
                f"what was fetched could not be staged in {folder}: {problem}",
                hint="is the disk full, or the folder not writable?",
            )
        return staged

    def close(self) -> None:
        """End the process; the next call starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError):
                process.communicate()
        if self._temporary is not None:
            self._temporary.cleanup()


def _ask(
    process: subprocess.Popen[bytes],
    request: Mapping[str, Any],
    pages: Mapping[str, Iterable[pa.Table]],
    meanwhile: Callable[[], None],
) -> tuple[dict[str, list[str]], str]:
    """The files of each name, and what went wrong, if anything."""
    assert process.stdin is not None
    assert process.stdout is not None
    failure = None
    with suppress(BrokenPipeError):  # then the answer says why
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()  # what does not depend on the pages is done before they come
        try:
            _send(process.stdin, pages)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - raised below
            failure = error
            process.stdin.write(f"{_ABANDONED}\n".encode())
        process.stdin.flush()
    try:
        if failure is None:
            meanwhile()
    finally:  # what is read next is the answer to what is asked next
        answer = json.loads(process.stdout.readline() or b'[{}, "the process that stages ended"]')
    if failure is not None:
        raise failure
    return answer[0], answer[1]


def _send(to: IO[bytes], pages: Mapping[str, Iterable[pa.Table]]) -> None:
    import pyarrow as pa

    for name, each in pages.items():
        for page in each:
            to.write(name.encode() + b"\n")
            with pa.ipc.new_stream(to, page.schema) as stream:
                stream.write_table(page)
    to.write(b"\n")


class _AbandonedError(Exception):
    """The source failed; the run knows how."""


def serve() -> None:
    """Stage what standard input asks for, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides what Ctrl-C means
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody wants the answers of a killed run
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    with undisturbed(), suppress(Exception):  # what is wrong will be so when it matters
        _rehearse()
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        staged, problem = {}, ""
        try:
            tables = _received(sys.stdin.buffer)
            folder = storage.path(request["folder"], request["options"])
            staged = load(tables, request["names"], group=request["group"], folder=folder)
        except _AbandonedError:
            pass
        except Exception as error:  # noqa: BLE001 - the run tells it
            problem = f"{type(error).__name__}: {error}"
        answers.write(json.dumps([staged, problem]) + "\n")
        answers.flush()
        if problem:
            break
    os._exit(0)


def _received(source: IO[bytes]) -> Iterator[tuple[str, pa.Table]]:
    import pyarrow as pa

    while name := source.readline().decode().removesuffix("\n"):
        if name == _ABANDONED:
            raise _AbandonedError
        with pa.ipc.open_stream(source) as stream:
            yield name, stream.read_all()


def _rehearse() -> None:
    """Stage a row once: dlt's first load is twice as slow as the next."""
    import pyarrow as pa

    # Made from Arrow's own arrays: to look at Python's lists, Arrow would import pandas.
    row = pa.Table.from_arrays([pa.nulls(1, pa.int64())], names=["x"])
    with tempfile.TemporaryDirectory() as folder:
        load([("row", row)], ["row"], group="rehearsal", folder=Path(folder))
