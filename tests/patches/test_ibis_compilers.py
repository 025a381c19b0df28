"""SQL compilers of engines that load when they are asked for."""

import ast
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from seen import needless, printed_by

from lakehouse.patches.ibis_compilers import COMPILERS, _compiler

PATCH = "ibis_compilers"


def loaded_after(code):
    """The modules of a new process, once it has run some code."""
    told = f"{code}; import json, sys; print(json.dumps([*sys.modules]))"
    return list(json.loads(printed_by(told)))


@pytest.mark.long
def test_sql_of_one_dialect_loads_the_compilers_of_no_other():
    ask = "from lakehouse.patches.ibis_dialects import to_sql; to_sql(ibis.table({'x': 'int64'}, 't'), 'duckdb')"

    loaded = loaded_after(f"import ibis; {ask}")

    assert "ibis.backends.sql.compilers.duckdb" in loaded
    assert "ibis.backends.sql.compilers.snowflake" not in loaded


@pytest.mark.long
def test_a_run_loads_the_compilers_of_no_other_engine():
    loaded = loaded_after("import lakehouse.run.attempts, ibis.backends.duckdb")

    assert "ibis.backends.sql.compilers.snowflake" not in loaded


@pytest.mark.long
@pytest.mark.parametrize("engine", ["trino", "risingwave"])
def test_a_compiler_can_still_be_had_by_its_module(engine):
    named = f"ibis.backends.sql.compilers.{engine}"
    have = f"import lakehouse.patches.ibis_dialects, ibis.backends.sql.compilers; assert {named}.compiler"

    assert named in loaded_after(have)


@pytest.mark.long
def test_a_compiler_can_still_be_had_by_its_class():
    have = "from ibis.backends.sql.compilers import SnowflakeCompiler as C; assert C.dialect"

    loaded = loaded_after(f"import lakehouse.patches.ibis_dialects; {have}")

    assert "ibis.backends.sql.compilers.snowflake" in loaded


@pytest.mark.long
def test_what_compilers_do_not_have_is_no_attribute_of_theirs():
    loaded_after(
        "import lakehouse.patches.ibis_dialects; from ibis.backends.sql import compilers;"
        " assert not hasattr(compilers, 'no_such_thing')"
    )


def package():
    """The statements of the package, without what says which names are public."""
    tree = ast.parse(Path(find_spec(COMPILERS).origin).read_text())
    return [each for each in tree.body if not isinstance(each, ast.Assign)]


def test_the_package_of_ibis_does_nothing_but_import_compilers():
    """An empty package can stand for it as long as that is so."""
    imported = {
        alias.name: each.module
        for each in package()
        if isinstance(each, ast.ImportFrom) and each.module != "__future__"
        for alias in each.names
    }
    others = [ast.unparse(each) for each in package() if not isinstance(each, ast.ImportFrom)]
    assert not others, f"lakehouse/patches/{PATCH}.py leaves out what Ibis now does: {others}"
    rule = {name: f"{COMPILERS}.{name.removesuffix('Compiler').lower()}" for name in imported}
    assert imported == rule, f"lakehouse/patches/{PATCH}.py finds compilers by another rule"
    assert _compiler("DuckDBCompiler").__module__ == f"{COMPILERS}.duckdb"


@pytest.mark.long
def test_ibis_loads_the_compilers_of_all_engines():
    loaded = loaded_after("import ibis; ibis.to_sql(ibis.table({'x': 'int64'}, 't'), 'duckdb')")
    assert f"{COMPILERS}.snowflake" in loaded, needless(PATCH, "ibis-framework")
