"""Catalogs are made one after the other, and one that is there is named at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from lakehouse import config
from lakehouse.addresses.postgres import postgres_address
from lakehouse.engines.trino_catalogs import Catalogs
from lakehouse.engines.trino_client import Client
from tests.helpers import loopback, scripted_trino

POSTGRES = "postgresql://lakehouse@127.0.0.1/postgres"


def catalogs(folder, url):
    told = loopback.production(folder, url, "secret")
    told |= {"LAKEHOUSE_TRINO_URL": url, "LAKEHOUSE_POSTGRES_URL": POSTGRES}
    servers = config.load(folder, told).servers
    return Catalogs(Client(url), servers, catalog=lambda: None)


def test_a_catalog_that_is_there_is_named_while_another_is_made(tmp_path):
    is_asked = threading.Event()

    def silence(handler):
        is_asked.set()
        loopback.silence(handler)

    with (
        loopback.Scripted(scripted_trino.rows(), silence) as trino,
        ThreadPoolExecutor(1) as thread,
    ):
        both = catalogs(tmp_path, trino.url)
        name = both.of("run_1")
        other = thread.submit(both.of_postgres, postgres_address(POSTGRES, "a test"))
        assert is_asked.wait(10)
        assert both.of("run_1") == name
        assert not other.done()
        trino.over.set()
