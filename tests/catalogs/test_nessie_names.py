"""Names of refs of lakehouses that share a Nessie: each ref belongs to one lakehouse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.addresses import server_names
from lakehouse.catalogs.nessie_names import Names
from lakehouse.errors import ConfigError

MAINS = ("main", "team_a", "team_b", "team_a/next", "prod.eu")
LAKES = [Names(main) for main in MAINS]
refs = st.sets(st.sampled_from(["run-1", "run-2", "good", "etl"]), max_size=4)


@given(st.lists(refs, min_size=len(MAINS), max_size=len(MAINS)))
def test_each_lakehouse_has_its_own_refs_and_no_other(made):
    there = {*MAINS, *(lake.marker for lake in LAKES if lake.marker)}
    there |= {lake.there(ref) for lake, own in zip(LAKES, made, strict=True) for ref in own}
    for lake, own in zip(LAKES, made, strict=True):
        assert lake.own(there) == {ref: lake.there(ref) for ref in own}


def test_a_branch_is_written_for_a_url_as_nessie_calls_it():
    assert Names("team_a").in_url("run-1") == "team_a%2Frun-1"
    assert Names("team_a").in_url("main") == "team_a"
    assert Names().in_url("run-1") == "run-1"
    assert Names("team_a").in_url("@abc") == "@abc"


@pytest.mark.parametrize("name", ["run-1", "a..b", "/a", "a/", "a b", "1a", "größe", "-a", "a'b"])
def test_what_cannot_be_a_main_branch_is_refused(name):
    with pytest.raises(ConfigError, match="LAKEHOUSE_NESSIE_BRANCH"):
        server_names.nessie_branch(name)


@pytest.mark.parametrize("name", ["Lake", "a-b", "1a", 'a"b', "a.b", "größe"])
def test_what_cannot_be_a_catalog_is_refused(name):
    with pytest.raises(ConfigError, match="LAKEHOUSE_TRINO_CATALOG"):
        server_names.trino_catalog(name)
