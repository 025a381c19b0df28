"""`day.py FOLDER DAY [NODE]`: a day of the toy project, killed when it comes to a node."""

import json
import os
import signal
import sys
from pathlib import Path

from toy import Source, Toy, at, event

from lakehouse.config import load
from lakehouse.engines import duckdb
from lakehouse.records.listener import Silence


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
