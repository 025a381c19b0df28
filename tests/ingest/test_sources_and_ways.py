"""The table of sources and ways to tell what is new and gone: each cell follows its source.

All cells are ingestions of one project, which three runs bring through the same changes.
"""

import csv
import json
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType

import dlt
import ibis
import orjson
import pandera.ibis
import psycopg
import pyarrow as pa
import pytest
import sqlalchemy
from dlt.sources.rest_api import rest_api_source
from dlt.sources.sql_database import sql_table
from loopback import Scripted
from pyarrow import parquet
from toy import Events, Toy, at, into

from lakehouse import SoftDelete, View, ingestion, model

pytestmark = [
    pytest.mark.long,
    # dlt warns of an argument that it gives itself.
    pytest.mark.filterwarnings("ignore:`detect_precision_hints`:DeprecationWarning"),
]


class Rows(Events):
    changed_at: ibis.dtype("timestamp('UTC', 6)")
    deleted_at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field(nullable=True)


def row(key, value, day, changed, deleted=None):
    """A row that last changed on a day, and perhaps was deleted on another."""
    moments = {"at": at(day), "changed_at": at(changed), "deleted_at": deleted and at(deleted)}
    return {"id": key, "value": value, **moments}


BEFORE = [row("a", 1, 0, 10), row("b", 2, 1, 10), row("c", 3, 2, 10), row("d", 4, 2, 10)]
AFTER = [
    row("a", 10, 0, 11),
    row("c", 3, 2, 11, deleted=11),
    row("d", 4, 2, 10),
    row("e", 5, 3, 11),
]
"""One changed, one is missing, one is called deleted, one is new, one is as it was."""
KEPT = {
    "none": {"a": 10, "b": 2, "c": 3, "d": 4, "e": 5},
    "window": {"a": 10, "c": 3, "d": 4, "e": 5},
    "soft": {"a": 10, "b": 2, "d": 4, "e": 5},
}
"""The rows that models have at the end, by what the ingestion says of deleted ones."""
DELETES = {"none": None, "window": "window", "soft": SoftDelete("deleted_at")}
OPTIONS = {
    "window": {"time_column": "at"},
    "cursor": {"cursor": "changed_at", "lag": "1h"},
    "whole": {},
}


class Rest:
    """A REST API, which filters by what it is asked and answers in pages."""

    def __init__(self):
        self.rows, self.asked = [], []
        self.server = Scripted(self)

    def __call__(self, handler):
        asked = handler.script.asked[-1]
        found = [{k: v and str(v) for k, v in row.items()} for row in self.rows]
        found = [row for row in found if row["changed_at"] >= asked.get("changed_since", "")]
        found = [
            row for row in found if asked.get("start", "") <= row["at"] < asked.get("end", "~")
        ]
        page = int(asked.get("page", 1))
        body = {"data": found[2 * page - 2 : 2 * page], "pages": -(-len(found) // 2)}
        handler.send(200, orjson.dumps(body), Content_Type="application/json")

    def put(self, rows):
        self.rows = rows

    def give(self, window=None, since=None):
        asked = {} if since is None else {"changed_since": str(since)}
        if window is not None:
            asked = {"start": str(window.start), "end": str(window.end)}
        paginator = {"type": "page_number", "base_page": 1, "total_path": "pages"}
        endpoint = {"path": "events", "params": asked, "data_selector": "data"}
        return rest_api_source(
            {
                "client": {"base_url": self.server.url, "paginator": paginator},
                "resources": [{"name": "events", "endpoint": endpoint}],
            }
        )


class Database:
    """A table of a database, read by dlt."""

    def __init__(self, url, connect, *, is_naive):
        self.engine, self.connect = sqlalchemy.create_engine(url), connect
        self.is_naive = is_naive
        kind = "TIMESTAMP" if is_naive else "timestamptz"
        columns = f"id TEXT, value BIGINT, at {kind}, changed_at {kind}, deleted_at {kind}"
        self.execute(f"CREATE TABLE events ({columns})")

    def execute(self, *statement):
        connection = self.connect()
        connection.execute(*statement)
        connection.commit()
        connection.close()

    def put(self, rows):
        self.execute("DELETE FROM events")
        mark = "?" if self.is_naive else "%s"
        for each in rows:
            values = [*map(self.moment, each.values())]
            self.execute(f"INSERT INTO events VALUES ({', '.join([mark] * 5)})", values)

    def moment(self, value):
        if not self.is_naive or not isinstance(value, datetime):
            return value
        return str(value.replace(tzinfo=None))

    def bound(self, value):
        return value.replace(tzinfo=None) if self.is_naive and value is not None else value

    def give(self, window=None, since=None):
        new = None
        if window is not None:
            bounds = (self.bound(window.start), self.bound(window.end))
            new = dlt.sources.incremental("at", initial_value=bounds[0], end_value=bounds[1])
        if since is not None:
            new = dlt.sources.incremental("changed_at", initial_value=self.bound(since))
        return sql_table(self.engine, "events", incremental=new)


class Files:
    """A folder with a file for each row and one for two, read by the standard library or Arrow."""

    def __init__(self, folder, form):
        self.folder, self.form = folder, form
        folder.mkdir()

    def put(self, rows):
        for path in self.folder.iterdir():
            path.unlink()
        for name, of_file in {"1": rows[:2], "2": rows[2:]}.items():
            getattr(self, self.form)(self.folder / f"{name}.{self.form}", of_file)

    def csv(self, path, rows):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*BEFORE[0]])
            writer.writeheader()
            writer.writerows(rows)

    def jsonl(self, path, rows):
        path.write_text("".join(f"{json.dumps(each, default=str)}\n" for each in rows))

    def parquet(self, path, rows):
        parquet.write_table(pa.Table.from_pylist(rows), path)

    def give(self, file):
        if self.form == "parquet":
            yield parquet.read_table(file)
            return
        with file.open(newline="") as lines:
            found = csv.DictReader(lines) if self.form == "csv" else map(json.loads, lines)
            for each in found:
                yield {name: value or None for name, value in each.items()}


@dataclass
class Cell:
    """A source that is read in one way, as the ingestion `name`."""

    source: str
    way: str
    deletes: str
    asked: list = field(default_factory=list)
    """What the function was told in each call."""

    @property
    def name(self):
        return f"{self.source}_{self.way}_{self.deletes}"


FORMS = ("csv", "jsonl", "parquet")
CELLS = [
    *(
        Cell(source, way, deletes)
        for source in ("rest", "sqlite", "postgres")
        for way in OPTIONS
        for deletes in DELETES
        if (way, deletes) != ("cursor", "window")
    ),
    *(Cell(form, "files", deletes) for form in FORMS for deletes in DELETES),
]


class Cells(Toy):
    """A home with an ingestion for each cell, and a view over each."""

    def __init__(self, *arguments):
        self.sources = {}
        super().__init__(*arguments)

    def change(self):
        raw, silver = ModuleType("cells.raw"), ModuleType("cells.silver")
        for cell in CELLS if self.sources else ():
            options = OPTIONS.get(cell.way) or {}
            if cell.way == "files":
                options = {"files": f"{cell.source}/*"}
            declare = ingestion(
                table_name=cell.name,
                unique_key="id",
                validation_schema=Rows,
                deletes=DELETES[cell.deletes],
                **options,
            )
            declare(into(raw)(self._function(cell)))
            namespace = {}
            exec(f"def at_{cell.name}({cell.name}): return {cell.name}", namespace)
            model(kind=View())(into(silver)(namespace[f"at_{cell.name}"]))
        self.declare([raw, silver])

    def _function(self, cell):
        give = self.sources[cell.source].give

        def window(window):
            cell.asked.append(window)
            return give(window=window)

        def cursor(since):
            cell.asked.append(since)
            return give(since=since)

        def files(file):
            cell.asked.append(file.name)
            return give(file)

        def whole():
            cell.asked.append(None)
            return give()

        function = {"window": window, "cursor": cursor, "files": files, "whole": whole}[cell.way]
        function.__name__ = cell.name
        return function


@pytest.fixture(scope="module")
def cells(tmp_path_factory, databases, engine):
    """A home after a run, the changes, and a run more; the functions note what they were told."""
    folder = tmp_path_factory.mktemp("cells")
    for cell in CELLS:  # of an earlier home: a worker may come back to this module
        cell.asked.clear()
    with databases.lend() as marts, databases.lend() as shop:
        home = Cells(folder, marts, None, engine)
        home.sources = {
            "rest": Rest(),
            "sqlite": Database(
                f"sqlite:///{folder / 'shop.db'}",
                lambda: sqlite3.connect(folder / "shop.db"),
                is_naive=True,
            ),
            "postgres": Database(
                shop.replace("postgresql://", "postgresql+psycopg://"),
                lambda: psycopg.connect(shop),
                is_naive=False,
            ),
            **{form: Files(folder / form, form) for form in FORMS},
        }
        home.change()
        for rows in (BEFORE, AFTER):
            for source in home.sources.values():
                source.put(rows)
            home.run(0, 3)
        home.run(0, 3)
        yield home
        home.sources["rest"].server.__exit__()
        for name in ("sqlite", "postgres"):
            home.sources[name].engine.dispose()


@pytest.mark.sample(0, long=8)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_cell_follows_its_source_and_asks_it_for_what_its_way_says(cells, cell):
    found = {each["id"]: each["value"] for each in cells.rows(f"silver.at_{cell.name}")}
    # A day that is suddenly empty is doubted, and confirmed by the third run.
    assert found == KEPT[cell.deletes]
    asked = {
        "window": ["[2024-03-01, 2024-03-05)"] * 3,
        "cursor": ["None", str(at(10, 11)), str(at(11, 11))],
        "whole": ["None"] * 3,
        "files": [f"{n}.{cell.source}" for n in (1, 2, 1, 2)],
    }
    assert [*map(str, cell.asked)] == asked[cell.way]


def test_nothing_new_is_nothing_to_do(cells):
    head = cells.head()
    assert (cells.run(0, 3).status, cells.head()) == ("nothing to do", head)
