"""Whatever answers at Nessie's address, an error of ours says it, and no other settings are read."""

import json

import pytest
from loopback import Scripted

from lakehouse.catalogs.nessie_errors import ConflictError, NotFoundError, UnansweredError
from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.catalogs.nessie_names import Names
from lakehouse.catalogs.nessie_refs import Refs
from lakehouse.errors import StorageError

NOBODY = "http://127.0.0.1:1"


def by_pynessie(url):
    Refs(url, Names()).hash("main")


def by_http(url):
    Nessie(url).get("trees/main")


each_client = pytest.mark.parametrize("ask", [by_pynessie, by_http])


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "NESSIEDIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@each_client
def test_nobody_at_the_address_is_said(ask):
    with pytest.raises(UnansweredError, match="does not answer"):
        ask(NOBODY)


@each_client
@pytest.mark.parametrize("body", [b"<html>", b"", b"{"])
def test_another_server_at_the_address_is_said(ask, body):
    with (
        Scripted(lambda request: request.send(200, body)) as server,
        pytest.raises(StorageError, match="is not Nessie"),
    ):
        ask(server.url)


@pytest.mark.parametrize("document", [{"a": 1}, [], "x", None, {"type": "NEWER", "name": "main"}])
def test_another_api_at_the_address_is_said(document):
    body = json.dumps(document).encode()
    with (
        Scripted(lambda request: request.send(200, body)) as server,
        pytest.raises(StorageError, match="is not Nessie"),
    ):
        by_pynessie(server.url)


@each_client
@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFoundError), (400, NotFoundError), (409, ConflictError)]
)
def test_a_refusal_is_the_same_through_either_client(ask, status, error):
    body = json.dumps({"status": status, "message": "no such ref"}).encode()
    with (
        Scripted(lambda request: request.send(status, body)) as server,
        pytest.raises(error, match="refused: no such ref"),
    ):
        ask(server.url)


def test_settings_for_other_clients_of_nessie_are_neither_read_nor_made(home, monkeypatch):
    (home / ".config" / "nessie").mkdir(parents=True)
    (home / ".config" / "nessie" / "config.yaml").write_text("endpoint: http://127.0.0.1:2\n")
    monkeypatch.setenv("NESSIE_ENDPOINT", "http://127.0.0.1:3")
    with pytest.raises(UnansweredError, match=NOBODY):
        by_pynessie(NOBODY)


def test_the_home_folder_stays_as_it_is(home):
    with pytest.raises(UnansweredError):
        by_pynessie(NOBODY)
    assert list(home.iterdir()) == []
