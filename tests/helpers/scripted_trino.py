"""What a Trino says of a statement, for a server that is scripted (`loopback.Scripted`)."""

from __future__ import annotations

from typing import Any

import orjson

from tests.helpers import loopback


def rows(*found: list[Any]) -> loopback.Answer:
    """The rows of a statement that has ended, each a text."""
    length = {"kind": "LONG", "value": 100}
    signature = {"rawType": "varchar", "arguments": [length]}
    kind = {"name": "text", "type": "varchar(100)", "typeSignature": signature}
    return _answer(columns=[kind], data=[*found])


def error(name: str, message: str) -> loopback.Answer:
    """The error of a statement that Trino could not run."""
    told = {"errorName": name, "errorType": "INSUFFICIENT_RESOURCES", "message": message}
    return _answer(error=told)


def _answer(**content: Any) -> loopback.Answer:
    ended = {"state": "FINISHED", "queued": False}
    answer = {"id": "1", "infoUri": "http://127.0.0.1/1", "stats": ended, "warnings": []}
    return loopback.body(orjson.dumps(answer | content), Content_Type="application/json")
