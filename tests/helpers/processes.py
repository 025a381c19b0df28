"""Other processes that tests start: they import what the tests do."""

import os
from pathlib import Path

HELPERS = Path(__file__).parent


def environment(**variables):
    """The environment of this process, with the framework and the helpers of tests to import."""
    path = os.pathsep.join([str(HELPERS), str(HELPERS.parents[1])])
    return {**os.environ, "PYTHONPATH": path, **variables}
