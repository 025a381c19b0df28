"""Ready checks and the rules of schemas, as Ibis expressions, and their results as text for people.

Nothing here runs a check. The rules of schemas also serve the validation of fetched rows. Rules
about rows and about a whole table are compiled into one aggregate query per table; a comparison
with another table is a query of its own. Asking them of a branch is `lakehouse.audit`.
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
