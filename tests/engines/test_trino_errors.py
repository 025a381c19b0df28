"""What Trino refuses is told by its kind: rights, room, its servers, the statement, or a value."""

import orjson
import pytest
from loopback import Scripted, body

from lakehouse.declare.project_code import named
from lakehouse.engines.trino_client import Client
from lakehouse.errors import QueryError

RIGHTS, ROOM, ITSELF, LOST, OTHERS = (
    "access control",
    "config.properties",
    "its log",
    "lost",
    "doctor",
)
LATER, ENDED, SPLIT, NOTHING = "again later", "ended the statement", "split the model", ""
VALUE = "`try_cast`"
KINDS = [
    ("PERMISSION_DENIED", "USER_ERROR", RIGHTS),
    ("EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES", "query.max-run-time"),
    ("EXCEEDED_CPU_LIMIT", "INSUFFICIENT_RESOURCES", "query.max-cpu-time"),
    ("EXCEEDED_SCAN_LIMIT", "INSUFFICIENT_RESOURCES", "query.max-scan-physical-bytes"),
    ("EXCEEDED_LOCAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES", "query.max-memory-per-node"),
    ("EXCEEDED_GLOBAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES", "query.max-memory "),
    ("OUT_OF_SPILL_SPACE", "INSUFFICIENT_RESOURCES", LATER),
    ("QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", LATER),
    ("CLUSTER_OUT_OF_MEMORY", "INSUFFICIENT_RESOURCES", LATER),
    ("ADMINISTRATIVELY_PREEMPTED", "INSUFFICIENT_RESOURCES", LATER),
    ("NAME_OF_ANOTHER_VERSION", "INSUFFICIENT_RESOURCES", LATER),
    ("ADMINISTRATIVELY_KILLED", "USER_ERROR", ENDED),
    ("USER_CANCELED", "USER_ERROR", ENDED),
    ("QUERY_REJECTED", "USER_ERROR", "resource group"),
    ("NO_NODES_AVAILABLE", "INTERNAL_ERROR", LOST),
    ("REMOTE_HOST_GONE", "INTERNAL_ERROR", LOST),
    ("SERVER_STARTING_UP", "INTERNAL_ERROR", LOST),
    ("QUERY_HAS_TOO_MANY_STAGES", "USER_ERROR", SPLIT),
    ("STACK_OVERFLOW", "USER_ERROR", SPLIT),
    ("GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR", "its log says more of the statement 20240301_1"),
    ("ICEBERG_FILESYSTEM_ERROR", "EXTERNAL", OTHERS),
    ("JDBC_ERROR", "EXTERNAL", OTHERS),
    ("SYNTAX_ERROR", "USER_ERROR", NOTHING),
    ("TYPE_MISMATCH", "USER_ERROR", NOTHING),
    ("NOT_SUPPORTED", "USER_ERROR", NOTHING),
    ("INVALID_CAST_ARGUMENT", "USER_ERROR", VALUE),
    ("DIVISION_BY_ZERO", "USER_ERROR", VALUE),
    ("NUMERIC_VALUE_OUT_OF_RANGE", "USER_ERROR", VALUE),
    ("INVALID_FUNCTION_ARGUMENT", "USER_ERROR", VALUE),
]


def model():
    """What the statement was made of."""


def refuse(name, kind, message="so it is"):
    """Ask a Trino that refuses a statement of a model so; return the error."""
    error = {"errorName": name, "errorType": kind, "errorCode": 1, "message": message}
    answer = {"id": "20240301_1", "infoUri": "", "stats": {"state": "FAILED"}, "error": error}
    with Scripted(body(orjson.dumps(answer), Content_Type="application/json")) as trino:
        with pytest.raises(QueryError) as told, named("model cannot be built", model):
            Client(trino.url.replace("//", "//anna@")).run("SELECT 1")
        return told.value, trino.url


@pytest.mark.parametrize(("name", "kind", "hint"), KINDS, ids=[name for name, *_ in KINDS])
def test_the_hint_fits_the_kind(name, kind, hint):
    error, _ = refuse(name, kind)
    assert error.message.endswith("so it is")
    assert hint in error.hint
    assert bool(error.hint) == bool(hint)
    assert (VALUE in error.hint) == (hint == VALUE)


def test_a_right_that_is_missing_is_said_in_a_line_of_its_own():
    error, url = refuse("PERMISSION_DENIED", "USER_ERROR", "Access Denied: Cannot create catalog x")
    assert f"Trino at {url} does not give us the right: Access Denied: Cannot" in error.message


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("CREATE CATALOG is not supported by the static catalog store", "catalog.management"),
        ("Environment variable is not set: X", "Trino's environment"),
    ],
)
def test_a_fault_of_the_set_up_that_has_no_name_is_known_by_its_words(message, hint):
    assert hint in refuse("NOT_SUPPORTED", "USER_ERROR", message)[0].hint
