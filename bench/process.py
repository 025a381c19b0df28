"""Times whole processes, as a user waits for them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Timed:
    """One finished process."""

    seconds: float
    cpu_seconds: float
    """Of all processors, the process that stages included: the same on a busy machine."""
    peak_mb: float
    output: str

    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.output)


def run(arguments: Sequence[str], home: Path, *, project: Path = ROOT, **variables: str) -> Timed:
    """Run Python with these arguments in a project, writing to `home`."""
    environment = {**os.environ, "LAKEHOUSE_HOME": str(home), "PYTHONPATH": str(ROOT), **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # `process` did not see it end
    if process.returncode != 0:
        sys.exit(f"{' '.join(arguments)} failed: {output}")
    return Timed(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def lakehouse(home: Path, *words: str, project: Path = ROOT, **variables: str) -> Timed:
    """Run a command of the pipeline."""
    command = ["-m", "lakehouse", *words, "--format", "json"]
    return run(command, home, project=project, **variables)


def another(home: Path) -> Path:
    """A home beside this one that does not exist yet.

    All of them stay until everything is measured: for some minutes after many files were deleted,
    ext4 may take several times as long to make others.
    """
    return home.with_name(f"{home.name}-{len(list(home.parent.iterdir()))}")


def repeated(times: int, once: Callable[[], Timed]) -> tuple[float, float, list[Timed]]:
    """The median seconds, the highest peak in MB, and the runs."""
    runs = [once() for _ in range(times)]
    median = statistics.median(each.seconds for each in runs)
    return median, max(each.peak_mb for each in runs), runs


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Figures as people read them."""
    return {name: round(value, 3) for name, value in figures.items()}
