"""Alerts: trouble is told once, and once that it is over; a broken channel harms nothing."""

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string

import pytest
from heard import Heard
from people import People
from receivers import Mail, Web
from toy import at, event

from lakehouse.addresses import alert_channels
from lakehouse.alerts import channels, desk, ledger, watching
from lakehouse.alerts.ledger import Ledger, Snooze
from lakehouse.alerts.policy import Policy
from lakehouse.alerts.problem import Findings, Problem
from lakehouse.config import load
from lakehouse.errors import ConfigError, LakehouseError, SourceError, UnknownNameError
from lakehouse.plan.selectors import select
from lakehouse.records.listener import Silence
from lakehouse.run.attempts import run
from lakehouse.run.request import Request

BAD = event("bad", 501, at(0))


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def alerted(toy, web):
    """Runs the toy as commands do, alerts on; what it warned of about alerts."""
    with web.open() as address:

        def command(*more, day=0):
            heard = Heard()
            with toy.session as session:
                addresses = alert_channels(" ".join((address, *more)))
                session.settings = replace(session.settings, alerts=addresses)
                request = Request(
                    session.days(at(day).date(), at(day).date()), select(toy.project, None)
                )
                with suppress(LakehouseError), watching(session, heard) as listener:
                    run(session, request, listener)
            return [each for each in heard.warnings if "alert" in each]

        yield command


@pytest.mark.long
def test_a_run_without_trouble_tells_nothing(alerted, web, source):
    source.rows = [event("a", 1, at(0))]
    assert alerted() == []
    assert web.messages == []


@pytest.mark.long
def test_a_failed_check_is_told_once_by_every_channel(alerted, web, source):
    source.rows, mail = [BAD], Mail()
    with mail.open() as address:
        assert alerted(address) == []
        assert alerted(address) == []
    (message,) = web.messages
    assert message["title"] == "lakehouse: silver.steps: range: value ≤ 500"
    assert "1 of 1 rows" in message["message"]
    assert "value=501" in message["message"]
    assert "--ref run-" in message["message"]
    assert "since " in message["message"]
    (letter,) = map(message_from_string, mail.letters)
    assert "silver.steps" in str(letter["subject"]) + mail.letters[0]


@pytest.mark.long
def test_a_recovery_is_told_once(alerted, web, source):
    source.rows = [BAD]
    alerted()
    source.rows = [event("bad", 50, at(0))]
    alerted()
    alerted()
    assert web.titles[1:] == ["lakehouse: over: silver.steps: range: value ≤ 500"]


@pytest.mark.long
def test_a_failed_run_is_told_and_so_is_that_runs_work_again(alerted, web, source):
    def fail(window):
        raise SourceError("the line was cut", hint="mend it")

    source.read = fail
    alerted()
    alerted()
    del source.read
    alerted()
    assert web.titles == ["lakehouse: a run failed", "lakehouse: over: a run failed"]
    assert "the line was cut\nmend it\n→ lakehouse show " in web.messages[0]["message"]


def day_of(moment):
    return (moment - at(0, 0)).days


@pytest.mark.long
def test_a_stale_source_is_told_once_and_once_that_it_is_fresh_again(alerted, web, toy, source):
    toy.change(freshness_hours=(1, 24))
    now = datetime.now(UTC)
    newest = now - timedelta(hours=2)
    source.rows = [event("a", 1, newest)]
    for _ in range(2):
        alerted(day=day_of(newest))
    assert web.titles == ["lakehouse: raw.events is stale"]
    assert f"its newest reading is from {newest}" in web.messages[0]["message"]
    assert "→ lakehouse freshness" in web.messages[0]["message"]
    source.rows.append(event("b", 1, now))
    for _ in range(2):
        alerted(day=day_of(now))
    assert web.titles[1:] == ["lakehouse: over: raw.events is stale"]


@pytest.mark.long
def test_a_source_that_was_stale_and_is_now_too_old_is_told_again(alerted, web, toy, source):
    now = datetime.now(UTC)
    newest = now - timedelta(hours=2)
    source.rows = [event("a", 1, newest)]
    toy.run(day_of(newest))
    for limits in ((1, 24), (0.5, 1)):
        toy.change(freshness_hours=limits)
        alerted(day=day_of(now))
    assert web.titles == ["lakehouse: raw.events is stale"] * 2


def test_what_fails_before_the_run_is_told(toy, web):
    with web.open() as address, toy.session as session:
        session.settings = replace(session.settings, alerts=alert_channels(address))
        with pytest.raises(ConfigError), watching(session, Silence()):
            raise ConfigError("the project is broken")
    (message,) = web.messages
    assert "the project is broken\n→ lakehouse doctor" in message["message"]


def test_a_word_that_was_mistyped_is_nobody_elses_trouble(toy, web):
    with web.open() as address, toy.session as session:
        session.settings = replace(session.settings, alerts=alert_channels(address))
        with pytest.raises(UnknownNameError), watching(session, Silence()):
            raise UnknownNameError("no such table")
    assert web.messages == []


def test_a_run_that_fails_in_another_way_is_told_again(alerted, web, source):
    for reason in ("cut after 3 s", "cut after 4 s", "refused"):

        def fail(window, reason=reason):
            raise SourceError(reason)

        source.read = fail
        alerted()
    assert [message["message"].splitlines()[0] for message in web.messages] == [
        "cut after 3 s",
        "refused",
    ]


@pytest.mark.long
def test_a_channel_that_fails_is_a_warning_without_its_address(alerted, web, source):
    source.rows, web.status = [BAD], 500
    (warning,) = alerted()
    assert warning == "alert channel 1 (json) did not take it; it is tried again next time"


@pytest.mark.long
def test_what_no_channel_took_is_tried_again(alerted, web, source):
    source.rows, web.status = [BAD], 500
    alerted()
    web.status = 200
    alerted()
    assert len(web.messages) == 1


@pytest.mark.long
def test_a_channel_that_is_slow_is_not_waited_for(alerted, web, source, monkeypatch):
    monkeypatch.setattr(channels, "LONGEST", 0.1)
    source.rows = [BAD]
    web.may_answer.clear()
    (warning,) = alerted()
    assert "did not answer within 0.1 s" in warning


@pytest.mark.long
def test_an_address_that_is_none_is_a_warning_that_does_not_show_it(alerted, source):
    source.rows = [BAD]
    (warning,) = alerted("hunter2://hunter2")
    assert "alert channel 2 (?) is no address" in warning
    assert "hunter2" not in warning


@pytest.mark.long
def test_what_is_logged_of_a_channel_holds_no_part_of_its_address(alerted, web, source, caplog):
    caplog.set_level(logging.DEBUG)
    source.rows = [BAD]
    with web.open() as address:
        assert alerted(address.replace("/path", "/token-hunter2/channel")) == []
    assert len(web.messages) == 2
    assert "hunter2" not in caplog.text


@pytest.mark.long
def test_without_channels_nothing_is_kept(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run()
    assert not (toy.session.settings.home / "alerts.json").exists()


NOW = datetime(2024, 3, 15, 23, tzinfo=UTC)
LOW = Problem("low", "check low", "too low", "52", "warning", until_success=False)
FOUND = Findings([LOW], frozenset({LOW.key}))
RIGHT = Findings([], frozenset({LOW.key}))


def policy(folder, toml=""):
    (folder / "lakehouse.toml").write_text(f"[alerts]\n{toml}")
    return Policy.of(load(folder, {}))


def told(known, findings, policy, now):
    """What is told of findings, all of it taken, and the ledger after that."""
    known = known.after(findings, now)
    messages = list(known.messages(findings, policy, now))
    sent = {message.key: message for message in messages}
    return [message.title for message in messages], known.after_sending(findings, sent, now)


def test_quiet_hours_hold_a_problem_back_until_they_end(tmp_path):
    quiet = policy(tmp_path, "quiet_hours = '22:00-07:00'")
    titles, known = told(Ledger(), FOUND, quiet, NOW)
    assert titles == []
    titles, _ = told(known, FOUND, quiet, NOW + timedelta(hours=8))
    assert titles == ["too low"]


def test_what_is_over_before_quiet_hours_end_is_never_told(tmp_path):
    quiet = policy(tmp_path, "quiet_hours = '22:00-07:00'")
    _, known = told(Ledger(), FOUND, quiet, NOW)
    titles, known = told(known, RIGHT, quiet, NOW + timedelta(hours=8))
    assert (titles, known) == ([], Ledger())


def test_some_problems_are_told_at_any_hour(tmp_path):
    quiet = policy(tmp_path, "quiet_hours = '22:00-07:00'\nalways = ['low']")
    assert told(Ledger(), FOUND, quiet, NOW)[0] == ["too low"]


@pytest.mark.parametrize("name", ["low", "all"])
def test_a_snoozed_problem_is_told_when_the_snooze_ends(tmp_path, name):
    calm = policy(tmp_path)
    snoozed = Ledger(snoozed={name: Snooze(NOW, NOW + timedelta(hours=2))})
    titles, known = told(snoozed, FOUND, calm, NOW)
    assert titles == []
    titles, known = told(known, FOUND, calm, NOW + timedelta(hours=2))
    assert titles == ["too low"]
    assert known.snoozed == {}


def test_a_problem_that_gets_worse_is_told_again(tmp_path):
    calm = policy(tmp_path)
    _, known = told(Ledger(), FOUND, calm, NOW)
    worse = Findings([replace(LOW, state="failed")], FOUND.checked)
    assert told(known, worse, calm, NOW)[0] == ["too low"]


def test_a_problem_that_was_not_asked_about_stays_open(tmp_path):
    calm = policy(tmp_path)
    _, known = told(Ledger(), FOUND, calm, NOW)
    titles, known = told(known, Findings(succeeded=True), calm, NOW)
    assert titles == []
    assert known.problems[LOW.key].since == NOW


@pytest.mark.parametrize("toml", ["quiet_hours = '22'", "quiet_hours = 7", "quite = 'typo'"])
def test_settings_that_cannot_be_meant_are_refused(tmp_path, toml):
    with pytest.raises(ConfigError, match=r"\[alerts\]"):
        policy(tmp_path, toml)


def test_the_ledger_reads_what_it_wrote(tmp_path):
    known = told(Ledger({}, {"low": Snooze(NOW, NOW)}), FOUND, policy(tmp_path), NOW)[1]
    with ledger.opened(tmp_path) as book:
        book.write(known)
        assert book.read() == known


def test_only_what_can_be_a_problem_can_be_snoozed(toy):
    session = toy.session
    desk.snooze(session.settings, toy.project, "small_values", timedelta(hours=1))
    assert list(desk.read_ledger(session.settings).snoozed) == ["small_values"]
    with pytest.raises(UnknownNameError, match="big_values"):
        desk.snooze(session.settings, toy.project, "big_values", timedelta(hours=1))


def test_channels_can_be_tried(toy, web):
    with web.open() as address:
        settings = replace(toy.session.settings, alerts=alert_channels(address))
        assert desk.test(settings, pytest.fail)
    assert web.titles == ["lakehouse: a test"]


@pytest.mark.long
def test_a_key_that_cannot_be_read_is_told_once_and_once_that_it_can_again(
    alerted, web, toy, source
):
    people = People(*(event(name, 1, at(0)) for name in ("anna", "bob", "cleo")))
    source.read, people.down = people.read, {"anna", "bob"}
    toy.change(unique_key=("id", "at"))
    for _ in range(2):
        alerted()
    people.down = {"bob"}
    for _ in range(2):
        alerted()
    assert web.titles == [
        "lakehouse: raw.events id anna could not be read",
        "lakehouse: raw.events id bob could not be read",
        "lakehouse: over: raw.events id anna could not be read",
    ]
    assert "anna answers 500" in web.messages[0]["message"]
    assert "ask again\n→ lakehouse show " in web.messages[0]["message"]
