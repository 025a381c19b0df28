"""A cursor: the source is asked for what changed since the last run that reached main."""

from datetime import UTC, date, datetime, timedelta

import ibis
import pandera.ibis
import pytest
from changing import Changing, ChangingEvents, Log
from toy import FIRST, Events, at

from lakehouse import SourceError, Unread, Window
from lakehouse.audit.freshness import freshness
from lakehouse.catalogs.sqlite import SqliteCatalog
from lakehouse.errors import LakehouseError, ProjectError
from lakehouse.history import main_moves
from lakehouse.plan.selectors import select
from lakehouse.run.plan_preview import preview


@pytest.fixture
def log():
    log = Log()
    log.put("a", 1)
    log.put("b", 2, day=1)
    return log


@pytest.fixture
def home(tmp_path, database, engine, log):
    home = Changing(tmp_path, database, None, engine)
    home.change(give=log.read)
    return home


@pytest.mark.long
def test_the_first_run_reads_everything_and_the_next_what_changed_since(home, log):
    home.run()
    log.put("a", 10)
    log.put("c", 3, day=2)
    report = home.run()
    assert log.asked == [None, 2]
    assert home.there() == {"a": 10, "b": 2, "c": 3}
    (node,) = (node for node in report.nodes if node.step == "merge")
    assert node.note == "3 fetched, 1 new, 1 changed, 1 unchanged"
    assert home.state.cursor == 4


@pytest.mark.long
def test_a_run_that_finds_nothing_new_writes_nothing(home):
    home.run()
    head = home.head()
    assert (home.run().status, home.head()) == ("nothing to do", head)


@pytest.mark.long
def test_rows_that_arrive_again_in_an_older_version_stop_the_run(home, log):
    home.run()
    head = home.head()
    log.rows["b"] = {**log.rows["b"], "value": 7, "changed": 1}
    home.change(give=lambda since: log.read(None))
    with pytest.raises(SourceError, match=r"test_cursor|changing\.py:\d+ in events: ") as caught:
        home.run()
    told = (
        "the cursor 'changed' of raw.events goes backwards: the row with id b is stored with 2,"
        " and the source gives it with 1"
    )
    assert told in caught.value.message
    assert "run --full-refresh" in caught.value.hint
    assert (home.head(), home.there()["b"], home.state.cursor) == (head, 2, 2)


@pytest.mark.long
def test_a_full_refresh_reads_everything_and_takes_the_cursor_back(home, log):
    home.run()
    log.rows["b"] = {**log.rows["b"], "value": 7, "changed": 1}
    home.run(full_refresh=True)
    assert (log.asked, home.there()["b"], home.state.cursor) == ([None, None], 7, 1)


@pytest.mark.long
def test_what_is_older_than_what_was_asked_for_is_harmless(home, log):
    home.run()
    head = home.head()
    home.change(give=lambda since: log.read(None))
    assert (home.run().status, home.head()) == ("nothing to do", head)


@pytest.mark.long
def test_the_newest_version_in_one_answer_wins_in_whatever_order(home, log):
    old = dict(log.rows["a"])
    log.put("a", 10)
    home.change(give=lambda since: [*log.read(since), old])
    home.run()
    home.run()
    assert home.there()["a"] == 10


@pytest.mark.long
def test_a_failed_or_refused_run_leaves_the_cursor(home, log):
    home.run()
    log.put("c", 3)

    def failing(since):
        yield from log.read(since)
        raise SourceError("cut")

    home.change(give=failing)
    with pytest.raises(SourceError):
        home.run()
    home.change(give=lambda since: [*log.read(since), {"id": "x"}], max_quarantine_percent=10)
    with pytest.raises(LakehouseError):
        home.run()
    assert home.state.cursor == 2
    home.change(give=log.read)
    home.run()
    assert (log.asked[-1], home.there()["c"], home.state.cursor) == (2, 3, 3)


@pytest.mark.long
def test_a_rollback_takes_the_cursor_back_with_the_rows(home, log):
    first = home.run().commit
    log.put("c", 3)
    home.run()
    with home.session as session:
        main_moves.rollback(session, first)
    assert home.state.cursor == 2
    home.run()
    assert (log.asked[-1], home.there()["c"]) == (2, 3)


@pytest.mark.long
def test_a_run_that_another_overtook_reads_on_from_what_that_one_stored(home, log):
    home.run()
    log.put("c", 3)
    other = Changing(home.folder, home.postgres, None, home.engine)
    other.change(give=log.read)
    asked = []

    def overtaken(since):
        asked.append(since)
        if len(asked) == 1:
            other.run()
        yield from log.read(since)

    home.change(give=overtaken)
    home.run()
    assert (asked, home.there()["c"], home.state.cursor) == ([2, 3], 3, 3)


@pytest.mark.long
def test_an_interrupted_run_is_resumed_without_its_older_pages(home, log, monkeypatch):
    home.run()
    log.put("a", 5)
    with monkeypatch.context() as patched:
        patched.setattr(SqliteCatalog, "merge", interrupted)
        with pytest.raises(KeyboardInterrupt):
            home.run()
    log.put("a", 6)
    home.run(1)
    home.run(resume=True)
    assert (home.there()["a"], home.state.cursor) == (6, 4)


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.long
def test_the_cursor_stays_while_a_key_cannot_be_read(home, log):
    home.run()
    log.put("c", 3)
    home.change(give=lambda since: iter([log.read(since), Unread({"id": "d"}, "no answer")]))
    assert home.run().status == "incomplete"
    assert (home.there()["c"], home.state.cursor) == (3, 2)


@pytest.mark.long
def test_a_row_without_a_cursor_or_a_time_is_in_quarantine(home, log):
    class Loose(ChangingEvents):
        at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field(nullable=True)
        changed: int = pandera.ibis.Field(nullable=True)

    log.put("c", 3, changed=None)
    log.put("d", 4, at=None)
    home.change(give=lambda since: log.read(None), schema=Loose, time_column="at")
    log.read = lambda _: list(log.rows.values())
    home.run()
    reasons = {row["id"]: row["reasons"] for row in home.rows("quarantine.events")}
    assert reasons == {"c": "changed is missing", "d": "at is missing"}
    assert home.state.cursor == 2


@pytest.mark.long
def test_the_time_column_says_which_windows_changed(home, log):
    home.change(give=log.read, time_column="at")
    home.run()
    log.put("b", 20, day=1)
    built = {node.node: node.windows for node in home.run().nodes if node.step == "model"}
    assert built["silver.steps"] == "[2024-03-02, 2024-03-03)"
    assert home.state.covered


@pytest.mark.long
def test_plan_says_since_when_the_source_is_asked_for_changes(home):
    windows = FIRST_DAY
    names = select(home.project, None)

    def asked(**options):
        with home.session as session:
            node, *_ = preview(session, windows, names, **options)
        return node.why, node.windows

    assert asked() == ("first run", ("all",))
    home.run()
    assert asked() == ("asked for", ("since 2",))
    assert asked(force=True) == ("asked for", ("all",))


@pytest.mark.long
def test_no_window_of_a_cursor_is_missing(home):
    home.change(time_column="at")
    home.run()
    with home.session as session:
        assert session.missing(FIRST_DAY) == ()


@pytest.mark.long
def test_freshness_goes_by_a_cursor_that_is_an_instant(home):
    class Schema(Events):
        changed: ibis.dtype("timestamp('UTC', 6)")

    row = {"id": "a", "value": 1, "at": at(0), "changed": INSTANT}
    home.change(give=lambda since: [row], schema=Schema, freshness_hours=(1, 24))
    home.run()
    with home.session as session:
        (found,) = freshness(session, INSTANT + timedelta(hours=2))
    assert (found.newest, found.age_hours) == (INSTANT, 2)


INSTANT = datetime(2024, 3, 5, 12, tzinfo=UTC)
NOON = INSTANT.replace(tzinfo=None)
FIRST_DAY = (Window.of_days(FIRST, FIRST, UTC),)
FAR = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "lag", "value", "asked"),
    [
        ("timestamp('UTC', 6)", "1h", INSTANT, INSTANT - timedelta(hours=1)),
        ("timestamp(6)", timedelta(minutes=1), NOON, NOON - timedelta(minutes=1)),
        ("date", "2d", date(2024, 3, 5), date(2024, 3, 3)),
        ("int64", 10, 100, 90),
        ("int32", 0, 100, 100),
        ("string", 0, "2024-W05", "2024-W05"),
    ],
)
@pytest.mark.sample(1)
def test_since_is_the_newest_value_minus_the_lag(home, kind, lag, value, asked):
    class Schema(Events):
        changed: ibis.dtype(kind)

    given = []

    def give(since):
        given.append(since)
        return [{"id": "a", "value": 1, "at": at(0), "changed": value}]

    home.change(give=give, schema=Schema, lag=lag)
    home.run()
    home.run()
    assert given == [None, asked]
    assert type(given[1]) is type(asked)


@pytest.mark.long
def test_a_clock_that_is_ahead_does_not_take_the_cursor_with_it(home):
    class Schema(Events):
        changed: ibis.dtype("timestamp('UTC', 6)")

    rows = {"a": {"id": "a", "value": 1, "at": at(0), "changed": FAR}}
    given = []

    def give(since):
        given.append(since)
        return [row for row in rows.values() if since is None or row["changed"] >= since]

    home.change(give=give, schema=Schema)
    home.run()
    head = home.head()
    rows["b"] = {"id": "b", "value": 2, "at": at(0), "changed": datetime.now(UTC)}
    home.run()
    assert (home.there(), given[1] < FAR) == ({"a": 1, "b": 2}, True)
    head = home.head()
    assert (home.run().status, home.head()) == ("nothing to do", head)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cursor": "updated"}, "'updated', its `cursor`, is not in its schema"),
        ({"cursor": "flag"}, "'flag', its `cursor`, is of type boolean, which has no order"),
        ({"cursor": "value", "lag": "1h"}, "which the `lag` 1:00:00 does not fit"),
        ({"cursor": "at", "lag": 5}, "which the `lag` 5 does not fit"),
        ({"cursor": "id", "lag": 5}, "which the `lag` 5 does not fit"),
        ({"freshness_hours": (1, 2)}, "'changed', its `cursor`, is of type int64, and `fresh"),
        ({"cursor": "day", "lag": "1h"}, "which the `lag` 1:00:00 does not fit"),
    ],
)
def test_a_cursor_that_does_not_fit_the_schema_is_told_with_file_and_function(
    home, options, message
):
    class Schema(ChangingEvents):
        flag: bool
        day: ibis.dtype("date")

    with pytest.raises(ProjectError, match=r"\.py:\d+ in ") as caught:
        home.change(schema=Schema, **options)
    assert message in caught.value.message
    assert caught.value.hint
