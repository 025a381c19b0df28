"""The people whose pages and reports are looked at, and their tables."""

import shutil
from pathlib import Path

import pytest
from people_with_readings import Tables
from playwright.sync_api import sync_playwright

from lakehouse import config

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="package")
def tables():
    built = Tables(config.load(Path(__file__).parents[2], {}))
    yield built
    built.close()


@pytest.fixture(scope="package")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()
