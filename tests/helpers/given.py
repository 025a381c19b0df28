"""A project of one ingestion, `events`, whose function and schema the test gives."""

from types import ModuleType

from toy import Events, Toy, into

from lakehouse import Table, ingestion, model


class Given(Toy):
    """A home whose ingestion gives back what `give(window)` returns."""

    def change(self, *, give=list, schema=Events, time_column="at", **options):
        raw, marts = ModuleType("given.raw"), ModuleType("given.marts")
        declare = ingestion(
            table_name="events",
            unique_key="id",
            validation_schema=schema,
            time_column=time_column,
            **options,
        )
        if time_column is None:

            @declare
            @into(raw)
            def events():
                return give()
        else:

            @declare
            @into(raw)
            def events(window):
                return give(window)

        @model(kind=Table())
        @into(marts)
        def kept(events):
            return events

        self.declare([raw, marts])

    def raw(self):
        """The rows of the raw table, by id."""
        return {row["id"]: row for row in self.rows("raw.events")}

    def rejected(self):
        """The rows in quarantine, by id."""
        with self.session as session:
            if "quarantine.events" not in session.catalog.tables("main"):
                return {}
        return {row["id"]: row for row in self.rows("quarantine.events")}
