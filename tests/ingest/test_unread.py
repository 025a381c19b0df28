"""Keys that a source could not read: the rows of the others go on, and theirs are read later."""

import pytest
import shop
from heard import Heard
from people import People
from toy import at, event

from lakehouse import Unread
from lakehouse.errors import ProjectError, SourceError
from lakehouse.plan.key_windows import KeyWindows
from lakehouse.system import clock
from lakehouse.windows import Window, union

DAYS = [Window(at(day, 0), at(day + 1, 0)) for day in range(10)]


@pytest.fixture
def people():
    return People(*(event(name, 1, at(day)) for name in ("anna", "bob") for day in range(3)))


@pytest.fixture
def several(fresh, people):
    """A home of the people, of whom Anna cannot be read."""
    toy = fresh(people)
    toy.change(unique_key=("id", "at"))
    people.down = {"anna"}
    return toy


def state(toy):
    return toy.session.catalog.tables("main")["raw.events"].state


def names(toy):
    return [row["id"] for row in toy.rows("raw.events")]


@pytest.mark.long
def test_the_rows_of_the_others_are_built_and_published(several):
    report = several.run(0)
    assert (report.status, report.published) == ("incomplete", {"daily": 1, "total": 1})
    assert several.published("total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_the_record_names_the_key_its_windows_the_reason_and_the_cure(several):
    assert several.run(0, 1).to_json()["unread"] == [
        {
            "table": "raw.events",
            "key": {"id": "anna"},
            "windows": "[2024-03-01, 2024-03-03)",
            "message": "anna answers 500",
            "hint": "ask again",
        }
    ]


@pytest.mark.long
def test_a_warning_names_the_key_and_the_reason(several):
    heard = Heard()
    several.run(0, listener=heard)
    assert "raw.events id anna could not be read: anna answers 500" in heard.warnings


def test_what_was_not_read_is_missing_although_others_were_read(several):
    several.run(0)
    assert state(several).covered == (DAYS[0],)
    assert several.session.missing((DAYS[0],)) == (DAYS[0],)


@pytest.mark.long
def test_what_was_read_later_is_missing_no_more(several, people):
    several.run(0)
    people.down.clear()
    assert several.run(0).status == "done"
    assert several.session.missing((DAYS[0],)) == ()
    assert (state(several).unread, names(several)) == ((), ["anna", "bob"])


@pytest.mark.long
def test_only_the_windows_that_were_read_are_cleared(several, people):
    first = several.run(0, 2).run_id
    people.down.clear()
    several.run(1)
    (entry,) = state(several).unread
    assert entry == KeyWindows((("id", "anna"),), (DAYS[0], DAYS[2]), first)


@pytest.mark.long
def test_the_overlap_reads_again_what_a_key_lacks(several, people):
    several.change(unique_key=("id", "at"), overlap="1d")
    several.run(0)
    people.down.clear()
    several.run(1)
    assert state(several).unread == ()


@pytest.mark.long
def test_once_a_key_is_read_again_the_next_run_reads_what_it_lacks(several, people):
    several.run(0)
    people.down.clear()
    for day in (3, 4, 5):
        people.asked.clear()
        several.run(day)
        again = DAYS[0] in people.asked
        assert again == (day == 4)
    assert names(several).count("anna") == 1


@pytest.mark.long
def test_for_a_key_that_stays_away_nobody_is_read_again(several, people):
    several.run(0)
    for day in (3, 4, 5):
        people.asked.clear()
        several.run(day)
        assert people.asked == [DAYS[day]]


@pytest.mark.long
def test_more_than_two_months_are_left_to_a_backfill(several, people):
    several.run(0, 100)
    people.down.clear()
    several.run(105)
    people.asked.clear()
    several.run(106)
    assert len(people.asked) == 1


@pytest.mark.long
def test_the_plan_says_what_will_be_read_again(several, people):
    several.run(0)
    people.down.clear()
    several.run(3)
    with several.session as session:
        from lakehouse.plan.what_to_build import plan_run

        states = {name: t.state for name, t in session.catalog.tables("main").items()}
        planned = plan_run(session.compiled, states, (DAYS[5],), frozenset(session.project.tables))
    people.asked.clear()
    several.run(5)
    assert planned[0].decision.windows == union(people.asked) == (DAYS[0], DAYS[5])


@pytest.mark.long
def test_a_run_without_news_writes_nothing_while_a_key_stays_away(several):
    several.run(0)
    head = several.head()
    assert several.run(0).status == "incomplete"
    assert several.head() == head


@pytest.mark.long
def test_hours_in_which_a_key_stays_away_make_a_commit_a_day(several, people, monkeypatch):
    people.rows = []
    for hour in range(1, 24, 4):
        monkeypatch.setattr(clock, "now", lambda hour=hour: at(3, hour))
        several.run(3)
    assert len(several.session.catalog.log()) == 1


def test_if_no_key_could_be_read_the_run_fails_and_names_all(several, people):
    people.read = lambda window: (Unread({"id": n}, f"{n} is away") for n in ("anna", "bob"))
    told = r"nothing of raw.events could be read: id anna: anna is away; id bob: bob is away"
    with pytest.raises(SourceError, match=told):
        several.run(0)
    assert several.head() is None


@pytest.mark.long
def test_each_piece_of_a_backfill_stands_alone(several, people):
    read = people.read

    def unless_first(window):
        people.down = {"anna"} if window.start <= at(70) < window.end else set()
        yield from read(window)

    people.read = unless_first
    people.rows.append(event("anna", 1, at(70)))
    several.run(0, 199)
    (entry,) = state(several).unread
    assert entry.windows == (Window(at(62, 0), at(124, 0)),)
    assert names(several).count("anna") == 3


@pytest.mark.long
def test_resume_reads_again_the_pieces_that_lack_a_key_or_failed(several, people):
    read, trouble = people.read, [100, 150]

    def some(window):
        if any(window.start <= at(day) < window.end for day in trouble[:1]):
            raise SourceError("no luck")
        people.down = {"anna"} if [d for d in trouble if window.start <= at(d) < window.end] else ()
        yield from read(window)

    people.read = some
    several.run(0, 199)
    trouble.clear()
    people.asked.clear()
    assert several.run(0, 199, resume=True).status == "done"
    assert len(people.asked) == 2
    assert state(several).unread == ()


@pytest.mark.long
def test_a_person_who_left_the_source_is_missing_no_more(several, people):
    several.run(0)
    people.rows = [row for row in people.rows if row["id"] != "anna"]
    people.down.clear()
    several.run(0)
    assert several.session.missing((DAYS[0],)) == ()


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 3])
def test_pieces_that_are_read_side_by_side_give_the_same(several, workers):
    report = several.run(0, 199, workers=workers)
    assert [unread.windows for unread in report.unread] == ["[2024-03-01, 2024-09-17)"]


@pytest.mark.parametrize("key", [{}, {"name": "anna"}, {"id": 1}, {"id": None}])
def test_a_key_that_names_no_rows_is_refused(several, people, key):
    people.read = lambda window: iter([Unread(key, "away")])
    with pytest.raises(ProjectError, match=r"raw.events yielded an Unread with the key"):
        several.run(0)


@pytest.mark.long
def test_the_state_of_a_table_without_such_keys_stays_as_short_as_it_was(toy):
    toy.run(0)
    assert "unread" not in state(toy).to_property()


@pytest.fixture
def half_read(tmp_path, monkeypatch, database, warm):
    """A shop, by its commands, one order of which cannot be read."""
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", database)
    from_till = "yield pyarrow.Table.from_pylist(till)"
    orders = shop.SHOP[shop.ORDERS].replace("import ingestion", "import Unread, ingestion")
    unread = 'Unread({"id": "3"}, "the till is cold", "warm it up")'
    files = {shop.ORDERS: orders.replace(from_till, f"{from_till}\n    yield {unread}")}
    shop.write(tmp_path, {**shop.SHOP, **files})
    return tmp_path


@pytest.mark.long
def test_the_command_exits_with_1_and_freshness_names_the_key_and_the_reason(half_read):
    code, report = shop.command(half_read, "run", "--date", shop.DAY)
    assert (code, report["status"]) == (1, "incomplete")
    assert [each["message"] for each in report["unread"]] == ["the till is cold"]
    _, sources = shop.command(half_read, "freshness")
    assert "id 3: the till is cold" in [each["unread"] for each in sources]
    _, commits = shop.command(half_read, "log")
    assert commits[0]["unread"] == 1


@pytest.mark.long
def test_the_text_names_the_key_the_reason_and_the_cure(several):
    from lakehouse.cli.report import summary

    text = summary(several.run(0).to_json())
    assert (
        "unread: raw.events id anna could not be read of [2024-03-01, 2024-03-02): anna answers 500"
        "\n  → ask again\n"
    ) in text
