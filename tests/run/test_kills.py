"""Kill -9 at any moment leaves the old state or the new one; `make chaos` does it 200 times."""

import json
import subprocess
import sys

import processes
import pytest

SCRIPT = processes.HELPERS / "kill_toy.py"

TIMES = {"windows": 6, "cursor": 4, "files": 4, "seeds": 4, "erase": 4, "refill": 4}


@pytest.mark.long
@pytest.mark.parametrize(("way", "times"), TIMES.items())
def test_a_killed_run_leaves_the_old_state_or_the_new_and_the_next_run_converges(
    tmp_path, postgres_server, way, times
):
    arguments = [sys.executable, SCRIPT, str(tmp_path), postgres_server, "1", str(times), way]
    environment = processes.environment(OPENBLAS_NUM_THREADS="1")
    said = subprocess.run(arguments, check=False, capture_output=True, env=environment, text=True)
    assert said.returncode == 0, said.stderr
    findings = json.loads(said.stdout)
    assert (findings["attacks"], findings["faults"]) == (times, [])
