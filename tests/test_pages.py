"""What README, tutorial and the other pages show is what happens; see `helpers/documented_steps.py`."""

from pathlib import Path

import pytest
from documented_steps import commands, ids, reading, steps

ROOT = Path(__file__).parent.parent
NOT_RUN = """
README.md: what it prints is shown below
alerts.md: this project has no orders
begin-a-project.md: begins a project outside of this one
begin-a-project.md: begins a project outside of this one
coming-from-dlt.md: a pipeline of dlt alone
dagster.md: it listens until it is stopped
dagster.md: needs Dagster's home
from-laptop-to-production.md: needs Nessie
from-laptop-to-production.md: needs Nessie and an S3 server
from-laptop-to-production.md: needs Trino, Nessie and an S3 server
from-laptop-to-production.md: needs a Java and a Trino
from-laptop-to-production.md: needs a bucket
from-laptop-to-production.md: needs a role without this right
keep-a-home-small.md: a part of a declaration
keep-a-home-small.md: takes the place of a function
look-at-a-failed-run.md: needs a server that fails half way
report.md: another project's
schedule.md: needs systemd, cron and Kubernetes
superset.md: an error
superset.md: installs 650 MB, and listens
superset.md: needs a Postgres of one's own
superset.md: needs a Superset
test-a-model.md: a part of a test
test-a-model.md: needs Trino
write-an-ingestion.md: a part of an ingestion
your-own-nightscout.md: installs 440 packages, and builds a program with Go
"""
PAGES = [
    ROOT / "README.md",
    *(
        page
        for folder in ("tutorial", "how-to", "explanation", "reference")
        for page in sorted((ROOT / "docs" / folder).glob("*.md"))
        if any(step.language for step in steps(page))
    ),
]


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    return tmp_path_factory.mktemp("clones")


@pytest.mark.sample(0, long=14)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_happens(page, clones, database):
    with reading(page, clones, database) as reader:
        for step in steps(page):
            problem = None
            try:
                reader.do(step)
            except AssertionError as error:
                problem = f"{page.relative_to(ROOT)}:{step.line}: {error}"
            if problem:
                pytest.fail(problem, pytrace=False)


def test_what_is_not_run_is_known():
    found = [
        f"{page.name}: {reason}"
        for page in PAGES
        for step in steps(page)
        if (reason := step.told("not run"))
    ]
    assert sorted(found) == NOT_RUN.split("\n")[1:-1]


SHOWN = """installing packages into .venv ...
raw.rows  288  0.05
…
done in 0.95 s · run 20261123T144751-742001 · commit d2961db95d513670
"""
PRINTED = """raw.rows    288   1.25
raw.other     1   0.01
done in 12.04 s · run 20270101T000000-abcdef · commit 0123456789abcdef
"""


def test_what_differs_from_run_to_run_is_compared_by_its_kind():
    assert ids(SHOWN, PRINTED, {}) == {
        "20261123T144751-742001": "20270101T000000-abcdef",
        "d2961db95d513670": "0123456789abcdef",
    }


@pytest.mark.parametrize(
    ("shown", "printed"),
    [("288", "289"), ("rows", "row"), ("done", "failed"), ("…\n", ""), ("commit", "")],
)
def test_other_numbers_and_words_are_another_output(shown, printed):
    with pytest.raises(AssertionError, match="the page shows: "):
        ids(SHOWN.replace(shown, printed), PRINTED, {})


def test_a_name_that_was_seen_before_has_to_be_the_same_again():
    with pytest.raises(AssertionError, match="the page shows: done"):
        ids(SHOWN, PRINTED, {"d2961db95d513670": "fedcba9876543210"})


def test_a_command_goes_on_as_long_as_a_quote_is_open():
    block = '$ query "a\n    b"\nx\n$ make it   # don\'t\n'
    assert [*commands(block)] == [('query "a\n    b"', "x\n"), ("make it   # don't", "")]
