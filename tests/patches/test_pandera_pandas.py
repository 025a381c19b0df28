"""What `lakehouse.patches.pandera_pandas` relies on, and what it must not change."""

import subprocess
import sys

import pytest

_LEFT_OUT = "import sys; from lakehouse.patches.pandera_pandas import leave_out_pandas as leave_out"
_IS_LOADED = "print('pandas' in sys.modules)"


def said(*lines):
    """What a process prints that runs these lines."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(lines)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.long
def test_pandera_still_loads_pandas_for_ibis():
    assert said("import sys, pandera.ibis", _IS_LOADED) == ["True"]


def test_schemas_of_ibis_are_made_without_pandas():
    model = "class Rows(pa.DataFrameModel):\n    a: int = pa.Field(ge=0, nullable=True)"
    columns = "print(*Rows.to_schema().columns.items())"
    assert said(_LEFT_OUT, "import pandera.ibis as pa", model, columns) == said(
        _LEFT_OUT, "leave_out(); leave_out()", "import pandera.ibis as pa", model, columns
    )
    assert said(_LEFT_OUT, "leave_out()", "import pandera.ibis", _IS_LOADED) == ["False"]


USES = {
    "a schema": """
import pandera.pandas as pa, pandas as pd
schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.gt(0), coerce=True)})
print(schema.validate(pd.DataFrame({"a": ["1", "2"]})).dtypes.to_list())
try:
    schema.validate(pd.DataFrame({"a": ["x", "-2"]}), lazy=True)
except pa.errors.SchemaErrors as error:
    print(error)
""",
    "a type of NumPy": """
import numpy as np, pandas as pd, pandera.pandas as pa
from pandera.engines import numpy_engine
schema = pa.DataFrameSchema({"a": pa.Column(np.int8, coerce=True)})
try:
    schema.validate(pd.DataFrame({"a": [1, 300]}), lazy=True)
except pa.errors.SchemaErrors as error:
    print(error)
try:
    numpy_engine.Engine.dtype("int64").try_coerce(np.array(["x"]))
except pa.errors.ParserError as error:
    print(error.failure_cases)
""",
    "annotations": """
import pandas as pd, pandera.pandas as pa
from pandera.typing import DataFrame, Series
class Rows(pa.DataFrameModel):
    a: Series[int]
@pa.check_types
def same(rows: DataFrame[Rows]) -> DataFrame[Rows]:
    return rows
print(same(pd.DataFrame({"a": [1]})).shape)
try:
    same(pd.DataFrame({"b": [1]}))
except pa.errors.SchemaError as error:
    print(error)
""",
    "names of the package": """
import pandera
from pandera import DataFrameSchema, typing
print(DataFrameSchema, pandera.Column, pandera.Timestamp, typing.get_dataframe_types())
print(hasattr(pandera, "no_such_name"), hasattr(typing, "no_such_name"), pandera.__name__)
""",
}


@pytest.mark.long
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_pandera_serves_pandas_as_ever(use):
    plain, patched = (
        said("import pandera.ibis", use),
        said(_LEFT_OUT, "leave_out()", "import pandera.ibis", _IS_LOADED, use),
    )
    assert patched == ["False", *plain]


def test_pandas_that_is_loaded_already_stays_a_part_of_pandera():
    assert said(
        _LEFT_OUT,
        "import pandas",
        "leave_out()",
        "import pandera",
        "print(pandera.Column.__name__)",
    ) == ["Column"]
