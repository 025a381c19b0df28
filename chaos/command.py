"""The command line of one kind of attack."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from chaos import forks


class Findings(Protocol):
    """What attacks saw; a dataclass, which may count more."""

    @property
    def attacks(self) -> int:
        """How many there were."""
        ...

    @property
    def faults(self) -> list[str]:
        """What must not be, a line each."""
        ...


Attacks: TypeAlias = Callable[[Path, int, int, Callable[[str], None]], Any]
"""Attacks homes below a folder, by a seed, so many times, and tells of each; its Findings."""


def run(name: str, attacks: Attacks, *, times: int, preload: bool = True) -> int:
    """Run the attacks as the words of the command say; what was found as JSON; 1 for a fault.

    `times` is how many there are unless a word says otherwise. With `preload`, what a run imports
    is imported first, so that processes start at once.
    """
    parser = argparse.ArgumentParser(prog=f"python -m chaos.{name}")
    parser.add_argument("--seed", type=int, default=1, help="says which ones, and when")
    parser.add_argument("--times", type=int, default=times, help="how many (%(default)s)")
    asked = parser.parse_args()
    forks.heed_signals()
    if preload:
        forks.preload()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        findings = attacks(Path(folder), asked.seed, asked.times, tell)
    print(json.dumps({"seed": asked.seed, **asdict(findings)}, indent=1))
    return 1 if findings.faults else 0


def tell(message: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
