"""`day.py FOLDER DAY [NODE]`: a day of the toy project, killed when it comes to a node."""

import json
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from toy import Source, Toy, at, event  # noqa: E402

from lakehouse.config import load  # noqa: E402
from lakehouse.engines import duckdb  # noqa: E402
from lakehouse.request import Silence  # noqa: E402


class Killer(Silence):
    """Kills this process at a node."""

    def __init__(self, node):
        self.node = node

    def progress(self, message):
        if message == self.node:
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder, day, node=""):
    environment = json.load(sys.stdin)
    bucket = load(Path(folder), environment).servers.bucket
    source = Source(*(event(name, n + 1, at(n)) for n, name in enumerate("abc")))
    engine = duckdb.connect(bucket=bucket)
    toy = Toy(Path(folder), environment["LAKEHOUSE_POSTGRES_URL"], source, engine, environment)
    toy.run(int(day), listener=Killer(node))


if __name__ == "__main__":
    main(*sys.argv[1:])
