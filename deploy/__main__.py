"""`python -m deploy up` and `down`; `make stack` and `make stack-down` say the same.

`python -m deploy nightscout` starts a real Nightscout, to be read; `python -m deploy superset` a
real Superset, which shows a bundle.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deploy import nightscout as real_nightscout
from deploy import stack
from deploy import superset as real_superset


def _folder(name: str, text: str) -> Callable[[Any], Any]:
    """Return the option that names a folder; by default the one of this name."""
    kind = click.Path(path_type=Path, file_okay=False)
    return click.option("--folder", type=kind, default=stack.ROOT / name, help=text)


_of_stack = _folder("main", "Where the stack keeps its data, its logs and its pids.")


@click.group()
def main() -> None:
    """Trino, Nessie, an S3 server and Postgres, on loopback; or a Nightscout."""


@main.command()
@_of_stack
def up(folder: Path) -> None:
    """Start the stack, and say where it listens."""
    variables = stack.start(folder.resolve())
    for name in ("TRINO_URL", "NESSIE_URL", "S3_ENDPOINT", "WAREHOUSE"):
        sys.stdout.write(f"{name.lower():12} {variables[f'LAKEHOUSE_{name}']}\n")
    at = variables["LAKEHOUSE_POSTGRES_URL"].rpartition("@")[2]
    sys.stdout.write(f"{'postgres':12} postgresql://{at}\n\n")
    sys.stdout.write(f"to use it:   source {shlex.quote(str(folder / 'env'))}\n")


@main.command()
@_folder("nightscout", "Where it keeps its data, its log and its pids.")
def nightscout(folder: Path) -> None:
    """Start an empty Nightscout of version 0.12, and say where it listens."""
    variables = real_nightscout.start(folder.resolve())
    sys.stdout.write(f"{'nightscout':12} {variables['NIGHTSCOUT_URL']}\n\n")
    sys.stdout.write(f"to read it:  source {shlex.quote(str(folder / 'env'))}\n")
    sys.stdout.write(f"to stop it:  python -m deploy down --folder {shlex.quote(str(folder))}\n")


@main.command()
@_folder("superset", "Where it keeps its data, its log and its pid.")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def superset(folder: Path, bundle: Path) -> None:
    """Start a Superset that shows BUNDLE, and say where it listens.

    It reads Postgres by the variables of libpq, such as PGPASSFILE.
    """
    variables = real_superset.start(folder.resolve(), bundle.resolve(), {})
    sys.stdout.write(f"{'superset':12} {variables['SUPERSET_URL']}/dashboard/list/\n\n")
    sys.stdout.write(f"user and password are in  {shlex.quote(str(folder / 'env'))}\n")
    sys.stdout.write(f"to stop it:  python -m deploy down --folder {shlex.quote(str(folder))}\n")


@main.command()
@_of_stack
def down(folder: Path) -> None:
    """Stop what was started; the data stays."""
    stopped = stack.stop(folder.resolve())
    sys.stdout.write(f"stopped {', '.join(stopped)}\n" if stopped else "nothing was running\n")


if __name__ == "__main__":
    main()
