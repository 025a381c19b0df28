"""What is repeated of an unexpected error: enough to look for, and nothing secret."""

import pytest

from lakehouse.addresses.discretion import unexpected


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
