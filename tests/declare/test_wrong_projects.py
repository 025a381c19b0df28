"""A hundred wrong projects: each is told in one line with function, file, line and cure."""

import pytest
from shop import (
    DAY,
    SHOP,
    SILVER,
    answer_to,
    answer_to_compiling,
    command,
    compiled,
    forget,
    problems,
    write,
)
from wrong_projects import COMPILED, MISTAKES, RUNS

TRIED = [*RUNS, *COMPILED[::12]]


@pytest.fixture(autouse=True)
def _shops_are_forgotten():
    yield
    forget()


@pytest.fixture(scope="module")
def home(tmp_path_factory, databases):
    """Environment of a home where the right shop has run, and the log of its main."""
    folder = tmp_path_factory.mktemp("shop")
    with databases.lend() as database, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(folder / "home"))
        patch.setenv("LAKEHOUSE_POSTGRES_URL", database)
        write(folder / "right", SHOP)
        code, _ = command(folder / "right", "run", "--date", DAY)
        assert code == 0
        yield lambda: command(folder / "right", "log")


def titled(mistakes):
    """The titles of mistakes, to name tests by."""
    return [mistake.title for mistake in mistakes]


def test_there_are_a_hundred_mistakes_and_each_is_another():
    edits = {(mistake.file, mistake.right, mistake.wrong) for mistake in MISTAKES}
    assert len(edits) == len(MISTAKES) > 100


def test_the_shop_without_mistakes_compiles(tmp_path):
    write(tmp_path, SHOP)
    assert {*compiled(tmp_path).models} == {"paid", "lines", "sales", "best"}


@pytest.mark.parametrize("mistake", COMPILED, ids=titled(COMPILED))
def test_a_mistake_is_told_with_its_place_and_a_cure(mistake, tmp_path):
    told = answer_to_compiling(mistake, tmp_path)
    assert not [*problems(mistake, told)], told


# A run finds most mistakes where compiling does, which is tried with each of them above.
@pytest.mark.sample(0, long=6)
@pytest.mark.parametrize("mistake", TRIED, ids=titled(TRIED))
def test_a_run_of_a_wrong_project_leaves_main_as_it_was(mistake, home, warm, tmp_path):
    before = home()
    told = answer_to(mistake, tmp_path)
    assert not [*problems(mistake, told)], told
    assert home() == before


@pytest.mark.long
def test_a_run_that_fails_leaves_main_as_it_was_and_its_record_tells_what_the_command_told(
    home, warm, tmp_path
):
    before = home()
    mistake = next(mistake for mistake in RUNS if mistake.file == SILVER)
    told = answer_to(mistake, tmp_path)
    assert not [*problems(mistake, told)], told
    assert home() == before
    _, runs = command(tmp_path, "query", "select error from lakehouse.runs order by run")
    assert told.error in runs[-1]["error"]
