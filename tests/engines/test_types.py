"""Names of types in SQL."""

import ibis
import pytest
from ibis.backends.sql.datatypes import get_type_mapper

from lakehouse.engines.sql import COMMON_TYPES, sql_type

KNOWN = [(dialect, kind) for dialect, kinds in COMMON_TYPES.items() for kind in kinds]


@pytest.mark.parametrize(("dialect", "kind"), KNOWN)
def test_a_common_type_has_the_name_that_ibis_gives_it(dialect, kind):
    known = ibis.dtype(kind)
    assert str(known) == kind
    assert sql_type(known, dialect) == str(get_type_mapper(dialect).to_string(known))
