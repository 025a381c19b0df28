"""What a process loads: what it needs, and no more."""

import gc
import subprocess
import sys

import pytest

from lakehouse.system.garbage import undisturbed


def test_garbage_is_looked_for_again_where_loading_fails() -> None:
    with pytest.raises(ImportError), undisturbed():
        raise ImportError

    assert gc.isenabled()


def test_what_is_loaded_is_exempt_from_the_search_for_garbage_once_a_process() -> None:
    load = "with undisturbed():\n    kept = [[] for _ in range(1000)]\nprint(gc.get_freeze_count())"
    code = f"import gc\nfrom lakehouse.system.garbage import undisturbed\n{load}\n{load}\n{load}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, *later = map(int, done.stdout.split())
    assert first > 1000
    assert max(later) <= first


def test_a_run_loads_no_engine_before_it_has_started_to_stage() -> None:
    heavy = "{'ibis', 'pyarrow', 'numpy', 'duckdb', 'hamilton', 'sqlglot'}"
    code = f"import sys, lakehouse.cli.run\nprint({heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
