"""Staging in a separate process.

The process loads dlt, which takes half a second, while the run loads everything else. The run sends
it a JSON line with the request; for each page a line with its name, then the page as an Arrow
stream; at the end an empty line, or one that says that the source failed. The process answers with
a JSON line: the files of each name, and an error message. A JSON line without names tells where
pages will be staged, and is not answered.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lakehouse import storage
from lakehouse.errors import StorageError
from lakehouse.ingest.stage import load, temporary_folder
from lakehouse.system.garbage import undisturbed

if TYPE_CHECKING:
    import pyarrow as pa

_PROGRAM = f"""
import sys
sys.path.insert(0, sys.argv[1])
from {__name__} import serve
serve()
"""
"""Program of the process; its argument is the folder of the packages.

An argument instead of PYTHONPATH, where a folder with a colon in its name would be read as two.
"""
_ABANDONED = "\0"
"""Line in place of a name, which says that the source failed and that nothing is to be staged."""
_PACKAGES = str(Path(__file__).parents[2])
"""The folder that the framework is imported from."""


class StageProcess:
    """A process that stages pages; it starts with the first request, or with `start`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process, which loads dlt, unless it runs already."""
        if self._process is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="lakehouse-", dir=temporary_folder(), ignore_cleanup_errors=True
            )
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-c", _PROGRAM, _PACKAGES],
                # The process is killed, so its temporary files are removed by this one.
                env={**os.environ, "TMPDIR": self._temporary.name},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._process

    def prepare(self, folder: Path) -> None:
        """Start the process; let it load what the bucket of a folder needs, if that is in one."""
        process = self.start()
        assert process.stdin is not None
        if not storage.is_on_disk(folder):
            with suppress(BrokenPipeError):  # the first request says why the process ended
                process.stdin.write(json.dumps(_place(folder)).encode() + b"\n")
                process.stdin.flush()

    def __call__(
        self, pages: Mapping[str, Iterable[pa.Table]], *, group: str, folder: Path
    ) -> dict[str, list[str]]:
        """Stage the pages as `stage` does. Raises StorageError if they cannot be written."""
        request = {
            "names": list(pages),
            "group": group,
            **_place(folder),
        }
        try:
            staged, problem = _ask(self.start(), request, pages)
        except BaseException as error:
            if not isinstance(error, Exception):
                self.close()  # the process waits for pages that are not sent any more
            raise
        if problem:
            self.close()
            raise StorageError(
                f"fetched rows could not be staged in {folder}: {problem}",
                hint="mend what is named there, and run the same again",
            )
        return staged

    def close(self) -> None:
        """End the process; the next request starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError):
                process.communicate()
        if self._temporary is not None:
            self._temporary.cleanup()


def _place(folder: Path) -> dict[str, Any]:
    """Return where pages are staged, as a part of a request."""
    return {"address": str(folder), "options": storage.options(folder)}


def _ask(
    process: subprocess.Popen[bytes],
    request: Mapping[str, Any],
    pages: Mapping[str, Iterable[pa.Table]],
) -> tuple[dict[str, list[str]], str]:
    """Send a request and its pages; return the files of each name, and an error message or "".

    Raises an error of a source as the source raised it.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    failure = None
    with suppress(BrokenPipeError):  # the answer says why the process ended
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()  # the process prepares before the first page arrives
        try:
            _send(process.stdin, pages)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - raised below
            failure = error
            process.stdin.write(f"{_ABANDONED}\n".encode())
        process.stdin.flush()
    answer = json.loads(process.stdout.readline() or b'[{}, "the process that stages ended"]')
    if failure is not None:
        raise failure
    return answer[0], answer[1]


def _send(to: IO[bytes], pages: Mapping[str, Iterable[pa.Table]]) -> None:
    import pyarrow as pa

    for name, of_name in pages.items():
        for page in of_name:
            to.write(name.encode() + b"\n")
            with pa.ipc.new_stream(to, page.schema) as stream:
                stream.write_table(page)
    to.write(b"\n")


class _AbandonedError(Exception):
    """The source failed; the run has the error itself."""


def serve() -> None:
    """Answer the requests of standard input, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides what Ctrl-C means
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keeps prints of libraries out of answers
    with undisturbed(), suppress(Exception):  # an error will occur again in the first request
        _rehearse()
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        if "names" not in request:
            with suppress(Exception):  # as above
                # It asks the server nothing, which may not answer.
                storage.path(**request).fs.connect()  # type: ignore[attr-defined]
            continue
        staged, problem = {}, ""
        try:
            tables = _received(sys.stdin.buffer)
            folder = storage.path(request["address"], request["options"])
            staged = load(tables, request["names"], group=request["group"], folder=folder)
        except _AbandonedError:
            pass
        except Exception as error:  # noqa: BLE001 - reported by the run
            problem = f"{type(error).__name__}: {error}"
        try:
            answers.write(json.dumps([staged, problem]) + "\n")
            answers.flush()
        except BrokenPipeError:  # the run that reads answers was killed
            break
        if problem:
            break
    os._exit(0)


def _received(source: IO[bytes]) -> Iterator[tuple[str, pa.Table]]:
    """Yield the pages of a request, each with its name."""
    import pyarrow as pa

    while name := source.readline().decode().removesuffix("\n"):
        if name == _ABANDONED:
            raise _AbandonedError
        with pa.ipc.open_stream(source) as stream:
            yield name, stream.read_all()


def _rehearse() -> None:
    """Stage one row in a temporary folder: dlt's first load is twice as slow as later ones."""
    import pyarrow as pa

    # Made from an Arrow array: to convert Python lists, Arrow would import pandas.
    row = pa.Table.from_arrays([pa.nulls(1, pa.int64())], names=["x"])
    with tempfile.TemporaryDirectory() as folder:
        load([("row", row)], ["row"], group="rehearsal", folder=Path(folder))
