"""`kill_toy.py FOLDER POSTGRES SEED TIMES WAY`: kill runs of a small project; findings as JSON.

The way says what the second of two runs does: it learns what is new by windows, a cursor, or the
files of a folder, copies seeds, erases a person, or fills a new column from the payload.
"""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

import dlt.destinations  # noqa: F401 - no process that is killed shall spend its time on it
import psycopg
from changing import Changing, ChangingEvents
from copied import Copied
from payments import NotedPayments, Paid, of_two
from toy import Events, Source, Toy, at, event

from chaos import forks
from chaos.kills import experiment
from chaos.look import look
from lakehouse import SoftDelete
from lakehouse.engines import duckdb
from lakehouse.erase.erasing import erase, key_of
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
        self.prepare(number)

        def command():
            toy = self.toy(number)
            self.go(toy, number)
            return 0, *look(toy.session, self.address)

        return forks.call(command)

    def killed_run(self, number, after):
        self.prepare(number)
        return forks.kill(lambda: self.go(self.toy(number), number), after)

    def prepare(self, number):
        """Write what is there before the run of a day begins."""

    def go(self, toy, number):
        """Do what is done on a day."""
        toy.run(number - 1)

    def look(self):
        return forks.call(lambda: look(self.toy().session, self.address))

    def remove(self):
        shutil.rmtree(self.folder)


class FlaggedEvents(ChangingEvents):
    deleted: bool


class CursorHome(ToyHome):
    """A home that is told what changed; the row that was new the day before is deleted."""

    def toy(self, number=0):
        def give(since):
            for row in rows(number):
                day = row["at"].day
                changed = min(day + 1, number)  # each row is another one on the day after
                flags = {"changed": changed, "deleted": changed > day and row["id"][0] == "g"}
                if since is None or changed >= since:
                    yield {**row, **flags}

        toy = Changing(self.folder, self.address, None, duckdb.connect())
        options = {"schema": FlaggedEvents, "deletes": SoftDelete("deleted"), "time_column": "at"}
        toy.change(give=give, **options)
        toy.staging = stage
        return toy


class FilesHome(ToyHome):
    """A home that reads a folder: a file is new each day, another loses its rows, a third goes."""

    def toy(self, number=0):
        if number:
            self.write(number)
        toy = Changing(self.folder, self.address, None, duckdb.connect())
        options = {"schema": Events, "deletes": "window", "files": "in/*"}
        toy.change(way="file", give=lambda file: json.loads(file.read_bytes()), **options)
        toy.staging = stage
        return toy

    def write(self, number):
        """Write what the folder has on a day."""
        place = self.folder / "in"
        place.mkdir(exist_ok=True)
        for name, ids in {"all": "gcbl", f"of{number}": "g", "less": "gc"[: 3 - number]}.items():
            found = [row for row in rows(number) if row["id"][0] in ids]
            text = json.dumps([{**row, "at": row["at"].isoformat()} for row in found])
            (place / name).write_text(text)
        (place / f"of{number - 1}").unlink(missing_ok=True)


class SeedsHome(ToyHome):
    """A home of two seeds and nothing else; both change on the second day."""

    def toy(self, number=0):
        toy = Copied(self.folder, self.address, None, duckdb.connect())
        toy.change("codes", "rates")
        return toy

    def prepare(self, number):
        place = self.folder / "seeds"
        place.mkdir(exist_ok=True)
        (place / "codes.csv").write_text(f"code,name\n1,one\n2,{'two' * number}\n")
        rates = "".join(f"{code},0.5\n" for code in range(number))
        (place / "rates.csv").write_text(f"code,rate\n{rates}")


class PaymentsHome(ToyHome):
    """A home of payments that have come in on the first day."""

    def toy(self, number=0):
        toy = Paid(self.folder, self.address, of_two(), duckdb.connect())
        toy.staging = stage
        return toy


class ErasedHome(PaymentsHome):
    """A home from which a person is erased on the second day."""

    def go(self, toy, number):
        if number == 1:
            toy.run(0, 1)
            return
        with toy.session as session:
            erase(session, key_of(session, "payments", {"who": "anna"}))


class RefilledHome(PaymentsHome):
    """A home whose payments have a note on the second day, which is filled from the payload."""

    def go(self, toy, number):
        if number == 1:
            toy.run(0, 1)
            return
        toy.change(schema=NotedPayments)
        toy.refill("note")


HOMES = {
    "windows": ToyHome,
    "cursor": CursorHome,
    "files": FilesHome,
    "seeds": SeedsHome,
    "erase": ErasedHome,
    "refill": RefilledHome,
}


def main(folder, server, seed, times, way):
    forks.preload()

    def begin(name):
        return HOMES[way](Path(folder), server, f"{way}_{name}")

    findings = experiment(begin, seed=int(seed), times=int(times), days=2)
    sys.stdout.write(json.dumps(vars(findings)))


if __name__ == "__main__":
    main(*sys.argv[1:])
