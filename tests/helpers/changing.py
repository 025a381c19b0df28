"""A home whose ingestion `events` is told by the test how it learns what is new."""

from types import ModuleType

from toy import Events, Toy, at, into

from lakehouse import Incremental, Table, View, ingestion, model, quality
from lakehouse.checks import RangeCheck


class ChangingEvents(Events):
    """Events with the day on which they last changed, as a number."""

    changed: int


class Changing(Toy):
    """A home of one ingestion with a cursor, and models by time, by key and as a whole."""

    def change(self, *, give=lambda **_: [], schema=ChangingEvents, way="since", **options):
        raw, silver, marts = (ModuleType(f"changing.{name}") for name in ("raw", "silver", "marts"))
        declare = ingestion(
            **{
                "table_name": "events",
                "unique_key": "id",
                "validation_schema": schema,
                **({"cursor": "changed"} if way == "since" else {}),
                **options,
            }
        )
        declare(into(raw)(_events(give, way)))

        @model(kind=View(time_column="at"))
        @into(silver)
        def valid(events):
            return events.select("id", "value", "at")

        @model(kind=Incremental(time_column="at"))
        @into(silver)
        def steps(valid):
            return valid.mutate(day=valid.at.date())

        @model(kind=Table())
        @into(marts)
        def total(steps):
            return steps.agg(rows=steps.count(), total=steps.value.sum())

        @quality(table="silver.steps", checks=[RangeCheck("value", max_value=500)])
        @into(silver)
        def small_values(): ...

        self.declare([raw, silver, marts])

    @property
    def state(self):
        """The state of the raw table on main."""
        with self.session as session:
            return session.catalog.tables("main")["raw.events"].state

    def there(self):
        """The ids and values of the rows that models have."""
        return {row["id"]: row["value"] for row in self.rows("silver.steps")}


def _events(give, way):
    """The function of an ingestion that takes what its way gives."""

    def since(since):
        return give(since=since)

    def window(window):
        return give(window=window)

    def file(file):
        return give(file=file)

    def whole():
        return give()

    function = {"since": since, "window": window, "file": file, "whole": whole}[way]
    function.__name__ = "events"
    return function


class Log:
    """A source of rows that knows when each last changed, and answers what changed since."""

    def __init__(self):
        self.rows, self.asked, self.clock = {}, [], 0

    def put(self, key, value, day=0, **fields):
        """Write a row, at the next tick of the source's clock."""
        self.clock += 1
        row = {"id": key, "value": value, "at": at(day), "changed": self.clock}
        self.rows[key] = {**row, **fields}

    def read(self, since):
        """The rows that changed at a tick or later, the oldest change first."""
        self.asked.append(since)
        rows = [row for row in self.rows.values() if since is None or row["changed"] >= since]
        return sorted(rows, key=lambda row: row["changed"])
