"""What is repeated of an unexpected error: enough to look for, and nothing secret."""

import pytest
from toy import at, event

from lakehouse.addresses.discretion import unexpected
from lakehouse.cli import main
from lakehouse.doctor import examination


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("SOME_API_SECRET", "hunter2hunter2")
    monkeypatch.setenv("SOME_POSTGRES_URL", "postgresql://me:p%40ss/word@db.example:5432/marts")
    monkeypatch.setenv("SOME_ALERTS", "slack://T1JJ3T3L2/A1BRTD4JD mailto://you:s3cr3t@example.org")
    monkeypatch.setenv("SOME_TOKEN", "")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("price"), "unexpected KeyError: 'price'"),
        (ValueError("first\nsecond"), "unexpected ValueError: first"),
        (MemoryError(), "unexpected MemoryError"),
        (ValueError("401 for hunter2hunter2!"), "unexpected ValueError: 401 for …!"),
        (ValueError("p@ss/word is wrong"), "unexpected ValueError: … is wrong"),
        (ValueError("'p%40ss/word' is wrong"), "unexpected ValueError: '…' is wrong"),
        (ValueError("s3cr3t, A1BRTD4JD"), "unexpected ValueError: …, A1BRTD4JD"),
        (ValueError("at slack://T1JJ3T3L2/A1BRTD4JD"), "unexpected ValueError: at …"),
        (ValueError("at https://a.example/?token=abc x"), "unexpected ValueError: at https://… x"),
        (ValueError("password=abc user=me"), "unexpected ValueError: password=… user=me"),
        (ValueError("{'api_key': 'abc'}"), "unexpected ValueError: {'api_key': …"),
    ],
)
def test_what_is_told(error, told):
    assert unexpected(error) == told


SECRET = ValueError("401 for hunter2hunter2")


def test_no_command_repeats_it(monkeypatch, capsys):
    def fail(**_):
        raise SECRET

    monkeypatch.setattr("lakehouse.cli.log.log.callback", fail)
    main(["log"])
    assert "unexpected ValueError: 401 for …" in capsys.readouterr().err


@pytest.mark.long
def test_no_record_of_a_run_keeps_it(toy, source, monkeypatch):
    def fail(*_, **__):
        raise SECRET

    monkeypatch.setattr("lakehouse.run.committing.publish_head", fail)
    source.rows = [event("a", 1, at(0))]
    with pytest.raises(ValueError, match="hunter2"):
        toy.run(0)
    (record,) = toy.rows("lakehouse.runs")
    assert record["error"] == "401 for …"


def test_no_finding_of_doctor_repeats_it():
    def look():
        raise SECRET

    assert examination._finding("servers", look).detail == "unexpected ValueError: 401 for …"
