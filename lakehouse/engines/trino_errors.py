"""What Trino refuses, in a line, and what to do about it: by the name that Trino gives an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.errors import QueryError, ValueRefusedError

if TYPE_CHECKING:
    from trino.exceptions import TrinoQueryError

ASK_DOCTOR = "`lakehouse doctor` tries Trino's ways to Nessie, to the bucket and to Postgres"
_OF_VALUES = frozenset(
    {
        "CONSTRAINT_VIOLATION",
        "DIVISION_BY_ZERO",
        "INVALID_ARGUMENTS",
        "INVALID_CAST_ARGUMENT",
        "INVALID_FUNCTION_ARGUMENT",
        "JSON_INPUT_CONVERSION_ERROR",
        "JSON_OUTPUT_CONVERSION_ERROR",
        "JSON_VALUE_RESULT_ERROR",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "PATH_EVALUATION_ERROR",
    }
)
"""Errors of single values: other rows would have passed."""
_RIGHTS = (
    "give this right, in Trino's access control, to the user that we are there;"
    " LAKEHOUSE_TRINO_USER names another one"
)
_AGAIN_LATER = "others ask too much of Trino at this time; run it again later, or give it more room"
_ENDED = "somebody ended the statement on Trino's side; run it again"
_TOO_LARGE = "the statement is too large for Trino: split the model in two, the first one a table"
_TIMES = "or raise {} in Trino's config.properties; a shorter window or fewer keys take less"
_LOST = "a server of Trino was lost or is starting; run it again"
_HINTS = {
    "PERMISSION_DENIED": _RIGHTS,
    "QUERY_QUEUE_FULL": _AGAIN_LATER,
    "CLUSTER_OUT_OF_MEMORY": _AGAIN_LATER,
    "ADMINISTRATIVELY_PREEMPTED": _AGAIN_LATER,
    "QUERY_REJECTED": "no resource group of Trino takes this statement: ask who runs Trino",
    "ADMINISTRATIVELY_KILLED": _ENDED,
    "USER_CANCELED": _ENDED,
    "EXCEEDED_TIME_LIMIT": "run it again, " + _TIMES.format("query.max-run-time"),
    "EXCEEDED_CPU_LIMIT": "build less at a time, " + _TIMES.format("query.max-cpu-time"),
    "EXCEEDED_SCAN_LIMIT": "read less at a time, " + _TIMES.format("query.max-scan-physical-bytes"),
    "EXCEEDED_LOCAL_MEMORY_LIMIT": "build less at a time, "
    + _TIMES.format("query.max-memory-per-node"),
    "EXCEEDED_GLOBAL_MEMORY_LIMIT": "build less at a time, " + _TIMES.format("query.max-memory"),
    **dict.fromkeys(
        (
            "COMPILER_ERROR",
            "QUERY_EXCEEDED_COMPILER_LIMIT",
            "QUERY_HAS_TOO_MANY_STAGES",
            "QUERY_TEXT_TOO_LARGE",
            "STACK_OVERFLOW",
        ),
        _TOO_LARGE,
    ),
    **dict.fromkeys(
        (
            "ABANDONED_QUERY",
            "ABANDONED_TASK",
            "NO_NODES_AVAILABLE",
            "PAGE_TRANSPORT_ERROR",
            "PAGE_TRANSPORT_TIMEOUT",
            "REMOTE_HOST_GONE",
            "REMOTE_TASK_ERROR",
            "REMOTE_TASK_FAILED",
            "REMOTE_TASK_MISMATCH",
            "SERVER_SHUTTING_DOWN",
            "SERVER_STARTING_UP",
            "TOO_MANY_REQUESTS_FAILED",
        ),
        _LOST,
    ),
}
"""Hints by the name of an error."""
_HINTS_OF_TYPES = {
    "INSUFFICIENT_RESOURCES": "Trino has too little left: run it again later, or give it more",
    "EXTERNAL": ASK_DOCTOR,
    "INTERNAL_ERROR": "the fault is Trino's own: its log says more of the statement {}",
}
"""Hints by the type of an error, for all other names; an error in a statement has none."""
_LINES = {
    "PERMISSION_DENIED": "does not give us the right",
    "INSUFFICIENT_RESOURCES": "has too little for it",
}
"""What Trino did, by the name or the type of an error."""


def refusal(error: TrinoQueryError, place: str) -> QueryError:
    """Return the error for a statement that the Trino at a place has not run to its end."""
    name, kind = str(error.error_name), str(error.error_type)
    did = _LINES.get(name) or _LINES.get(kind)
    message = f"Trino at {place} {did}: {error.message}" if did else f"Trino: {error.message}"
    if name in _OF_VALUES:
        return ValueRefusedError(message)
    hint = _HINTS.get(name) or _HINTS_OF_TYPES.get(kind, "").format(error.query_id)
    return QueryError(message, hint=_of_set_up(error.message) or hint)


def _of_set_up(message: str) -> str:
    """The hint for an error in Trino's set-up that it tells only in words."""
    if "static catalog store" in message or "CREATE CATALOG" in message:
        return "allow dynamic catalogs: catalog.management=dynamic in Trino's config.properties"
    if "Environment variable is not set" in message:
        return "set it in Trino's environment: the framework sends no secrets to Trino"
    return ""
