"""Linters before a commit, and the hosted machine, ask what `.ci/run` asks."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
STEPS = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make ")]


def test_hooks_of_git_are_the_linters_of_ci():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    asked = [hook["entry"] for hook in local["hooks"]]
    assert local["repo"] == "local"  # no linter of another version is downloaded
    assert asked == [step for step in STEPS if not step.startswith("make test")]


def test_the_hosted_machine_runs_all_of_it():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    commands = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert "bash .ci/run" in commands


def test_ci_runs_the_three_suites():
    assert STEPS[:3] == ["make test", "make test-long", "make test-stack"]
