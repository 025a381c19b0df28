"""Servers that take connections and never answer: they are named, and the next run is right."""

import signal

import pytest
from toy import at, event

import deploy.stack
from lakehouse.errors import ServerError
from lakehouse.records.listener import Silence
from lakehouse.watch import watch

FOLDER = deploy.stack.ROOT / "test"
PLACES = {
    "nessie": "LAKEHOUSE_NESSIE_URL",
    "s3": "LAKEHOUSE_S3_ENDPOINT",
    "trino": "LAKEHOUSE_TRINO_URL",
}


def send(server, number):
    """Send a signal to a server, and to the processes that it has started."""
    process = deploy.stack.processes(FOLDER)[server]
    for each in (*process.children(recursive=True), process):
        each.send_signal(number)


class Halt(Silence):
    """Halts a server when a run comes to a node."""

    def __init__(self, server, node):
        self.server, self.node = server, node

    def progress(self, message):
        if message == self.node:
            send(self.server, signal.SIGSTOP)


@pytest.fixture
def halt():
    """Makes a listener that halts a server; all servers go on in the end."""
    yield Halt
    for server in deploy.stack.processes(FOLDER):
        send(server, signal.SIGCONT)


@pytest.fixture
def hurried(monkeypatch):
    """Servers are given up after seconds, not after half a minute."""
    for name, seconds in {"_EACH": 0.5, "_PATIENCE": 2.0, "_LONGEST": 4.0}.items():
        monkeypatch.setattr(watch, name, seconds)


CASES = [("nessie", "daily"), ("s3", "events"), ("trino", "steps"), ("postgres", "publication")]


@pytest.mark.sample(1)
@pytest.mark.parametrize(("server", "node"), CASES)
@pytest.mark.usefixtures("hurried")
def test_a_silent_server_is_named_main_stays_and_the_next_run_is_right(
    on_trino, source, stack, halt, server, node
):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    on_trino.run(0)
    before = on_trino.head()
    place = stack[PLACES[server]] if server in PLACES else r"127\.0\.0\.1:\d+/test_\d+"
    with pytest.raises(ServerError, match=f"at {place} does not answer") as told:
        on_trino.run(1, listener=halt(server, node))
    assert told.value.exit_code == 2
    send(server, signal.SIGCONT)
    if server != "postgres":
        assert on_trino.head() == before
    on_trino.run(1)
    assert on_trino.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert on_trino.published("total") == [{"rows": 2, "total": 3}]
    assert on_trino.session.catalog.branches() == []
