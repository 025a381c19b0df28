"""The models give the rows of the SQL written by hand, for DuckDB alone, on which they are timed."""

import pytest

from bench import backfill
from bench.by_hand import compare
from bench.process import ROOT, lakehouse, run
from lakehouse import config
from lakehouse.session import Session


@pytest.mark.sample(0, long=1)
@pytest.mark.parametrize(
    ("project", "first", "last"),
    [
        (ROOT, backfill.FIRST, backfill.LAST),
        (ROOT / "bench" / "synthetic", "2023-03-10", "2023-04-08"),
    ],
    ids=["recording", "synthetic"],
)
def test_models_give_the_rows_of_sql_by_hand(tmp_path, project, first, last):
    home, out = tmp_path / "home", tmp_path / "out"
    lakehouse(home, "backfill", "--from", first, "--to", last, project=project)
    with Session(config.load(project, {"LAKEHOUSE_HOME": str(home)})) as session:
        raw = compare.link_raw(session, tmp_path / "raw")
        run(["-m", "bench.by_hand", *raw, str(out)], home)
        assert compare.differing(session, out) == {}
