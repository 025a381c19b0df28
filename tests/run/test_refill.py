"""A new column is filled from the payload that is stored, as a new fetch of all rows would fill it."""

from dataclasses import replace

import pandera.ibis
import pytest
from payments import Paid, Payments, payment
from toy import at

from lakehouse import OPTIONAL
from lakehouse.errors import UnknownNameError
from lakehouse.ingest.refilled_rows import require_refillable
from lakehouse.records.run_records import RunStatus


class Wider(Payments):
    note: str = pandera.ibis.Field(nullable=True)
    rank: int = pandera.ibis.Field(nullable=True, metadata=OPTIONAL)
    unit_price: float = pandera.ibis.Field(nullable=True, ge=0)


def payments():
    return [
        payment("anna", "1", 5, at(0), note="new", rank=1, unitPrice=0.1),
        payment("anna", "2", 7, at(40), note=None, rank="first", unitPrice="2.50"),
        payment("ben", "1", 3, at(0), unitPrice=None),
        payment("ben", "2", 4, at(0), note="bad", rank=3, unitPrice=-1),
    ]


class Source(list):
    """Payments that count how often they are read."""

    asked = 0

    def __iter__(self):
        self.asked += 1
        return super().__iter__()


def paid(folder, database, engine):
    home = Paid(folder, database, Source(payments()), engine)
    home.change(naming="snake_case")
    home.run(0, 40)
    home.change(schema=Wider, naming="snake_case")
    return home


@pytest.fixture
def home(tmp_path, database, engine):
    return paid(tmp_path, database, engine)


def content(home):
    tables = ("raw.payments", "quarantine.payments", "marts.by_day", "marts.total")
    return {table: home.rows(table) for table in tables}


@pytest.mark.long
def test_what_is_filled_is_what_a_new_fetch_would_bring(home, tmp_path_factory, databases, engine):
    asked = home.source.asked
    report = home.refill()
    assert home.source.asked == asked
    assert report.message == "refill raw.payments"
    (merged,) = [node for node in report.nodes if node.node == "raw.payments"]
    assert merged.counts == {"fetched": 3, "changed": 2, "quarantined": 1}
    assert "1 of 'rank'" in merged.note
    found = {(row["who"], row["id"]): row for row in home.rows("raw.payments")}
    filled = {key: (row["note"], row["rank"], row["unit_price"]) for key, row in found.items()}
    assert filled == {
        ("anna", "1"): ("new", 1, 0.1),
        ("anna", "2"): (None, None, 2.5),
        ("ben", "1"): (None, None, None),
        ("ben", "2"): (None, None, None),
    }
    with databases.lend() as address:
        other = paid(tmp_path_factory.mktemp("fetched"), address, engine)
        other.run(0, 40)  # asks the source again
        theirs, ours = content(other), content(home)
        for tables in (theirs, ours):
            for row in tables["quarantine.payments"]:
                row["_fields"] = None
        assert ours == theirs
    before = home.head()
    assert home.refill().status is RunStatus.NOTHING_TO_DO
    assert home.head() == before


@pytest.mark.long
def test_a_single_column_is_filled_where_it_is_null(home):
    home.refill("note")
    found = {(row["who"], row["id"]): row for row in home.rows("raw.payments")}
    assert found["anna", "1"]["note"] == "new"
    assert found["anna", "1"]["unit_price"] is None
    home.refill("rank")
    found = {(row["who"], row["id"]): row for row in home.rows("raw.payments")}
    assert (found["anna", "1"]["note"], found["anna", "1"]["rank"]) == ("new", 1)


def test_what_cannot_be_filled_is_told(toy):
    (events,) = toy.project.ingestions.values()
    with pytest.raises(UnknownNameError, match=r"raw\.events keeps no payload"):
        require_refillable(events, None)
    spec = replace(events, validation_schema=Wider)
    with pytest.raises(UnknownNameError, match="has no column 'nte'") as caught:
        require_refillable(spec, "nte")
    assert "did you mean 'note'" in caught.value.hint
