"""A check that declares itself a finding lets everything through, and is told by the exit code."""

import pytest

from lakehouse.checks.result import CheckResult
from lakehouse.records.run_records import RunReport, RunStatus


def result(*, passed, blocking, finding):
    return CheckResult(
        check="c",
        table="a.b",
        label="l",
        blocking=blocking,
        passed=passed,
        failures=1,
        finding=finding,
    )


def report(*checks):
    return RunReport("run", RunStatus.DONE, "", None, None, 0.0, (), checks, None, None)


@pytest.mark.parametrize(
    ("passed", "blocking", "finding", "is_found"),
    [
        (False, False, False, False),
        (False, False, True, True),
        (False, True, False, True),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
def test_a_failed_check_is_told_by_the_exit_code_if_it_blocks_or_is_a_finding(
    passed, blocking, finding, is_found
):
    check = result(passed=passed, blocking=blocking, finding=finding)
    assert report(check).has_findings == is_found
