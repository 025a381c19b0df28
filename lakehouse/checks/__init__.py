"""Ready checks for `@quality`: each says which rows of a table offend.

Checks of rows and of a whole table are compiled into one aggregate per table; a comparison with
another table is a query of its own.
"""

from lakehouse.checks.comparisons import ReconciliationCheck, ReferenceCheck
from lakehouse.checks.rows import (
    AcceptedValuesCheck,
    CustomCheck,
    NullCheck,
    PatternCheck,
    RangeCheck,
    SchemaCheck,
)
from lakehouse.checks.rule import RowRule, Rule, Tolerance
from lakehouse.checks.tables import FreshnessCheck, RowCountCheck, UniqueCheck

__all__ = [
    "AcceptedValuesCheck",
    "CustomCheck",
    "FreshnessCheck",
    "NullCheck",
    "PatternCheck",
    "RangeCheck",
    "ReconciliationCheck",
    "ReferenceCheck",
    "RowCountCheck",
    "RowRule",
    "Rule",
    "SchemaCheck",
    "Tolerance",
    "UniqueCheck",
]
