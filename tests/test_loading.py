"""What a process loads: what it needs, and no more."""

import gc
import json
import subprocess
import sys

import pytest

from lakehouse.loading import undisturbed


def loaded_after(code: str) -> list[str]:
    """The modules of a new process, once it has run some code."""
    told = f"{code}; import json, sys; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


@pytest.mark.long
def test_sql_of_one_dialect_loads_the_compilers_of_no_other() -> None:
    ask = "from lakehouse.dialects import to_sql; to_sql(ibis.table({'x': 'int64'}, 't'), 'duckdb')"

    loaded = loaded_after(f"import ibis; {ask}")

    assert "ibis.backends.sql.compilers.duckdb" in loaded
    assert "ibis.backends.sql.compilers.snowflake" not in loaded


@pytest.mark.long
def test_a_run_loads_the_compilers_of_no_other_engine() -> None:
    loaded = loaded_after("import lakehouse.run, ibis.backends.duckdb")

    assert "ibis.backends.sql.compilers.snowflake" not in loaded


@pytest.mark.sample(1)
@pytest.mark.parametrize("engine", ["trino", "risingwave"])
def test_a_compiler_can_still_be_had_by_its_module(engine: str) -> None:
    named = f"ibis.backends.sql.compilers.{engine}"
    have = f"import lakehouse.dialects, ibis.backends.sql.compilers; assert {named}.compiler"

    assert named in loaded_after(have)


def test_a_compiler_can_still_be_had_by_its_class() -> None:
    have = "from ibis.backends.sql.compilers import SnowflakeCompiler as C; assert C.dialect"

    loaded = loaded_after(f"import lakehouse.dialects; {have}")

    assert "ibis.backends.sql.compilers.snowflake" in loaded


def test_what_compilers_do_not_have_is_no_attribute_of_theirs() -> None:
    loaded_after(
        "import lakehouse.dialects; from ibis.backends.sql import compilers;"
        " assert not hasattr(compilers, 'no_such_thing')"
    )


def test_garbage_is_looked_for_again_where_loading_fails() -> None:
    with pytest.raises(ImportError), undisturbed():
        raise ImportError

    assert gc.isenabled()


def test_what_is_loaded_is_exempt_from_the_search_for_garbage_once_a_process() -> None:
    load = "with undisturbed():\n    kept = [[] for _ in range(1000)]\nprint(gc.get_freeze_count())"
    code = f"import gc\nfrom lakehouse.loading import undisturbed\n{load}\n{load}\n{load}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, *later = map(int, done.stdout.split())
    assert first > 1000
    assert max(later) <= first
