"""The people whose pages and reports are looked at, and their tables."""

from pathlib import Path

import pytest
from browser import CHROMIUM, chromium
from people_with_readings import Tables

from lakehouse import config


@pytest.fixture(scope="package")
def tables():
    built = Tables(config.load(Path(__file__).parents[2], {}))
    yield built
    built.close()


@pytest.fixture(scope="module")  # a process can have one browser at a time
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with chromium() as started:
        yield started
