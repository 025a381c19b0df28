"""Kill -9 at any moment leaves the old state or the new one; `make chaos` does it 200 times."""

import json
import os
import subprocess
import sys

import processes
import pytest

SCRIPT = processes.HELPERS / "kill_toy.py"

WAYS = ("windows", "cursor", "files", "seeds", "erase", "refill")
TIMES = 6 if "EVERY_CASE" in os.environ else 3


@pytest.mark.sample(0, long=2)
@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_leaves_the_old_state_or_the_new_and_the_next_run_converges(
    tmp_path, postgres_server, way
):
    arguments = [sys.executable, SCRIPT, str(tmp_path), postgres_server, "1", str(TIMES), way]
    environment = processes.environment(OPENBLAS_NUM_THREADS="1")
    said = subprocess.run(arguments, check=False, capture_output=True, env=environment, text=True)
    assert said.returncode == 0, said.stderr
    findings = json.loads(said.stdout)
    assert (findings["attacks"], findings["faults"]) == (TIMES, [])
