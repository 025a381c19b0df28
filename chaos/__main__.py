"""`python -m chaos --seed 1 --times 200`: kill so many runs; what was found, as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from chaos import forks
from chaos.home import ProjectHome
from chaos.kills import experiment


def main() -> int:
    """Run the experiment; 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1, help="says which runs, and when")
    parser.add_argument("--times", type=int, default=200, help="how many kills (%(default)s)")
    given = parser.parse_args()
    forks.preload()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        begin = partial(_home, Path(folder), given.seed)
        findings = experiment(begin, seed=given.seed, times=given.times, told=_tell)
    print(json.dumps({"seed": given.seed, **vars(findings)}, indent=1))
    return 1 if findings.faults else 0


def _home(folder: Path, seed: int, name: str) -> ProjectHome:
    return ProjectHome(folder / name, seed)


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")


if __name__ == "__main__":
    sys.exit(main())
