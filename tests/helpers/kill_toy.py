"""`kill_toy.py FOLDER POSTGRES SEED TIMES`: kill runs of the toy project; the findings as JSON."""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import dlt.destinations  # noqa: F401 - no process that is killed shall spend its time on it
import psycopg
from toy import Source, Toy, at, event

from chaos import forks
from chaos.kills import experiment
from chaos.look import look
from lakehouse.engines import duckdb
from lakehouse.ingest.stage import stage


def rows(number):
    """What the source has on a day: one row is late, one is bad at first, one is corrected."""
    for day in range(1, number + 1):
        newest = day == number
        yield event(f"good{day}", day, at(day - 1))
        yield event(f"corrected{day}", day if newest else 2 * day, at(day - 1))
        yield event(f"bad{day}", "x" if newest else day, at(day - 1))
        if not newest:
            yield event(f"late{day}", day, at(day - 1))


class ToyHome:
    """A home and a database of its own; implements `chaos.kills.Home`."""

    def __init__(self, folder, server, name):
        self.folder, self.server, self.name = folder / name, server, name
        self.address = server.replace("/postgres?", f"/{name}?")
        self.folder.mkdir()
        forks.call(partial(self.execute, f"CREATE DATABASE {name}"))

    def execute(self, statement):
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)

    def toy(self, number=0):
        toy = Toy(self.folder, self.address, Source(*rows(number)), duckdb.connect())
        toy.change(overlap="2d")
        toy.staging = stage
        return toy

    def run(self, number):
        def command():
            toy = self.toy(number)
            toy.run(number - 1)
            return 0, *look(toy.session, self.address)

        return forks.call(command)

    def killed_run(self, number, after):
        return forks.kill(lambda: self.toy(number).run(number - 1), after)

    def look(self):
        return forks.call(lambda: look(self.toy().session, self.address))

    def remove(self):
        shutil.rmtree(self.folder)


def main(folder, server, seed, times):
    forks.preload()
    begin = partial(ToyHome, Path(folder), server)
    findings = experiment(begin, seed=int(seed), times=int(times), days=2)
    sys.stdout.write(json.dumps(vars(findings)))


if __name__ == "__main__":
    main(*sys.argv[1:])
