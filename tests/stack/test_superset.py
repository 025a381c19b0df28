"""A real Superset imports the bundle, answers for every chart, and shows the dashboard."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import requests
from browser import chromium, needs_chromium

import deploy.stack
import deploy.superset
from deploy.superset.install import installed

ROOT = Path(__file__).parents[2]
PIXEL = "gateway.scarf.sh"
"""Superset's pages ask for it, and the policy of our settings refuses."""
TIMEOUT = 60
WAIT = 120_000
"""Milliseconds for which a browser waits."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two weeks of the recording in a home with an embedded Postgres, which listens on a port."""
    folder = tmp_path_factory.mktemp("superset")
    environment = {**os.environ, "LAKEHOUSE_HOME": str(folder / "home")}
    lakehouse = [sys.executable, "-m", "lakehouse"]
    days = ["--from", "2024-03-01", "--to", "2024-03-15"]
    subprocess.run([*lakehouse, "backfill", *days], cwd=ROOT, env=environment, check=True)
    port = str(deploy.stack._free(0))
    with subprocess.Popen(
        [*lakehouse, "postgres", "--port", port],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as listening:
        address = listening.stdout.readline().strip()
        environment["LAKEHOUSE_POSTGRES_URL"] = address
        bundle = folder / "glucose.zip"
        export = [*lakehouse, "superset", "export", "-o", str(bundle)]
        subprocess.run(export, cwd=ROOT, env=environment, check=True)
        try:
            yield folder / "home", address, bundle
        finally:
            listening.terminate()


@pytest.fixture(scope="module")
def superset(home):
    """The address of a Superset that imported the bundle, its user and password."""
    folder, _, bundle = home
    place = deploy.stack.ROOT / "test-superset"
    shutil.rmtree(place / "data", ignore_errors=True)
    reading = {"PGPASSFILE": str(folder / "pgpass")}
    variables = deploy.superset.start(place, bundle, reading)
    yield variables
    deploy.stack.stop(place)


@pytest.fixture(scope="module")
def api(superset):
    """Asks Superset's API, as the user."""
    session = requests.Session()
    login = {
        "username": superset["SUPERSET_USER"],
        "password": superset["SUPERSET_PASSWORD"],
        "provider": "db",
    }
    url = f"{superset['SUPERSET_URL']}/api/v1"
    token = session.post(f"{url}/security/login", json=login, timeout=TIMEOUT).json()
    session.headers["Authorization"] = f"Bearer {token['access_token']}"
    return lambda path: session.get(f"{url}/{path}", timeout=TIMEOUT)


@pytest.fixture(scope="module")
def rows(api):
    """The rows of each chart by its title, as the API answers its query; or the error."""
    found = {}
    for chart in api("chart/?q=(page_size:100)").json()["result"]:
        answer = api(f"chart/{chart['id']}/data/")
        found[chart["slice_name"]] = (
            answer.json()["result"][0]["data"] if answer.ok else answer.text
        )
    return found


def test_every_chart_has_rows(rows):
    assert len(rows) == 12
    assert {
        title: found for title, found in rows.items() if not isinstance(found, list) or not found
    } == {}


def test_the_figures_are_those_of_the_readings(home, rows):
    sql = (
        "SELECT sum(readings_in_range) * 100.0 / sum(total_readings),"
        " sum(avg_glucose_mg_dl * total_readings) / sum(total_readings)"
        " FROM marts.mrt_glucose_overview WHERE reading_date > date '2024-03-15' - %s"
    )
    with psycopg.connect(home[1]) as connection:
        (today,), ((_, week),) = ([connection.execute(sql, [days]).fetchone()] for days in (1, 7))
    assert rows["Time in range today"][0]["Time in range (%)"] == pytest.approx(float(today[0]))
    assert rows["7- and 30-day trend"][-1]["Average of 7 days"] == pytest.approx(week)


def test_a_superset_imports_the_bundle_by_its_command_line(home, superset):
    place = deploy.stack.ROOT / "test-superset"
    programs = installed(deploy.stack.ROOT / "servers")
    environment = {
        **os.environ,
        "FLASK_APP": "superset.app:create_app()",
        "SUPERSET_CONFIG_PATH": str(ROOT / "deploy/superset/superset_config.py"),
        "SUPERSET_HOME": str(place / "data/superset"),
        "SUPERSET_SECRET_KEY": superset["SUPERSET_PASSWORD"],
        "PGPASSFILE": str(home[0] / "pgpass"),
    }
    command = [str(programs / "superset"), "import-dashboards", "-p", str(home[2]), "-u", "admin"]
    assert subprocess.run(command, env=environment, check=False).returncode == 0


@needs_chromium
def test_the_dashboard_opens_in_a_browser_without_an_error(superset, tmp_path):
    from playwright.sync_api import expect

    url, problems = superset["SUPERSET_URL"], []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 2600})
        page.goto(f"{url}/login/")
        page.fill("#username", superset["SUPERSET_USER"])
        page.fill("#password", superset["SUPERSET_PASSWORD"])
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/superset/welcome/"), timeout=WAIT)
        page.wait_for_load_state("networkidle")
        page.on("console", lambda each: each.type == "error" and problems.append(each.text))
        page.on("pageerror", lambda each: problems.append(str(each)))
        page.on("response", lambda each: each.status >= 400 and problems.append(each.url))
        page.goto(f"{url}/superset/dashboard/glucose/")
        expect(page.locator(".dashboard-chart")).to_have_count(12, timeout=WAIT)
        page.wait_for_load_state("networkidle")
        expect(page.locator(".loading, .ant-spin")).to_have_count(0, timeout=WAIT)
        text = page.inner_text("body")
        page.screenshot(path=os.environ.get("SCREENSHOT", tmp_path / "dashboard.png"))
    assert [each for each in problems if PIXEL not in each] == []
    assert not re.search("No data|Unexpected error|Data error|went wrong", text)
    assert "Newest value" in text
