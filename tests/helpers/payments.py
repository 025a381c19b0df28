"""A project about people: what each paid, added up by day, by person and in all."""

from types import ModuleType

import ibis
import pandera.ibis
from toy import Toy, at, into

from lakehouse import Incremental, RangeCheck, Table, ingestion, model, quality
from lakehouse.plan.selectors import select
from lakehouse.run.attempts import run
from lakehouse.run.refilling import Refill
from lakehouse.run.request import Request
from lakehouse.windows import ALL_TIME


class Payments(pandera.ibis.DataFrameModel):
    who: str
    id: str
    amount: int = pandera.ibis.Field(ge=0)
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()
    payload: str = pandera.ibis.Field(nullable=True)


class Paid(Toy):
    """A home of payments: `source` is a list of them, whose amounts are texts."""

    def change(self, *, schema=Payments, most=1000, **options):
        raw, silver, marts = (ModuleType(f"paid.{name}") for name in ("raw", "silver", "marts"))
        source = self.source

        @ingestion(
            table_name="payments",
            unique_key=("who", "id"),
            validation_schema=schema,
            time_column="at",
            **options,
        )
        @into(raw)
        def payments(window):
            return [row for row in source if window.start <= row["at"] < window.end]

        @model(kind=Incremental(time_column="at", key="who"))
        @into(silver)
        def running(payments):
            day = ibis.window(
                group_by=[payments.who, payments["at"].date()],
                order_by=[payments["at"], payments.id],
            )
            return payments.select("who", "id", "at", so_far=payments.amount.sum().over(day))

        @model(kind=Incremental(time_column="day"))
        @into(marts)
        def by_day(payments):
            days = payments.mutate(day=payments["at"].date())
            return days.group_by("day").agg(total=days.amount.sum())

        @model(kind=Incremental(key="who"))
        @into(marts)
        def by_person(running):
            return running.group_by("who").agg(most=running.so_far.max())

        @model(kind=Table())
        @into(marts)
        def total(by_day):
            return by_day.agg(total=by_day.total.sum())

        @quality(
            table="silver.running", checks=[RangeCheck("so_far", max_value=most)], blocking=False
        )
        @into(silver)
        def small_sums(): ...

        self.declare([raw, silver, marts])

    def refill(self, column=None):
        """Fill a column of the raw table from the payload; without one, all that are null."""
        edit = Refill(self.project.ingestions["payments"], column)
        names = select(self.project, "payments+")
        with self.session as session:
            return run(session, Request((ALL_TIME,), names, message=edit.message, edit=edit))


class NotedPayments(Payments):
    note: str = pandera.ibis.Field(nullable=True)


def of_two():
    """What two people paid on two days, each with a note, and a payment of each that is rejected."""
    people, days = ("anna", "ben"), (0, 1)
    paid = [payment(who, str(day), 5, at(day), note=who) for who in people for day in days]
    return [*paid, *(payment(who, "bad", "many", at(1)) for who in people)]


def payment(who, key, amount, moment, **fields):
    """A payment as the source has it."""
    return {"who": who, "id": key, "amount": str(amount), "at": moment, **fields}
