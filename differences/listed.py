"""Differences that stay, and that no rule finds: each with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping

from differences.constructs import Construct

LISTED: Mapping[str, str] = {
    r".*\bnan\b": (
        "NaN is in no raw table, since it goes to quarantine, and logarithms and roots that would"
        " make one fail on both engines; what is left is 0.0 / 0.0. Comparisons with NaN are"
        " mended, its place in an order, and in min() and max(), is not"
    ),
    r"(Covariance|StandardDev|Variance|Power)\(.*f64": (
        "of infinity there are no deviations: an error on DuckDB, NaN on Trino"
    ),
    r"(Ceil|Floor)\(i64\)": "whole numbers near 2^63 become floats on DuckDB, and fail",
    r"Modulus\(i": "the least of all numbers divided by -1 is an error on DuckDB, 0 on Trino",
    r"Sum\(i64": "a total of more than 2^63 in a window is an error on DuckDB, and wraps on Trino",
    r"(Uppercase|Capitalize)\(": "the capital of ß is ẞ on DuckDB, and ß on Trino",
    r"Reverse\(": "DuckDB keeps an accent with its letter where it is a character of its own",
}
"""Reasons by a pattern of the names of constructs."""


def reason(construct: Construct) -> str:
    """Return why a difference of a construct is listed; empty if it is not."""
    found = (why for pattern, why in LISTED.items() if re.match(pattern, construct.name))
    return next(found, "")
