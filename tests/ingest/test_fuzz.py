"""Spoiled documents: each is in raw or in quarantine, as it came.

`FUZZ=10000 python -m pytest -m long tests/ingest/test_fuzz.py` sends so many.
"""

import json
import os
import random
import re
from datetime import UTC, datetime

import pytest
from loopback import Scripted
from spoiled_documents import spoiled

TIMES = int(os.environ.get("FUZZ", "300"))
SEED = int(os.environ.get("SEED", "1"))
START = datetime(2023, 10, 20, tzinfo=UTC)
WINDOW = re.compile(r"gte\]=(\d+).*lt\]=(\d+)")


@pytest.fixture
def sent(monkeypatch):
    """When each document was written, and its text; a server on loopback answers with them."""
    found = list(spoiled(random.Random(SEED), TIMES, START.timestamp() * 1000))

    def answer(handler):
        asked = handler.path.replace("%5B", "[").replace("%5D", "]").replace("%24", "$")
        start, end = map(int, WINDOW.search(asked).groups())
        inside = [text for date, text in found if start <= date < end]
        handler.send(200, f"[{','.join(inside)}]".encode())

    with Scripted(answer) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        yield found


def canonical(text):
    """The document, its whole numbers as JavaScript has them, its fields in order."""
    return json.dumps(json.loads(text, parse_int=float), sort_keys=True)


@pytest.mark.long
def test_every_spoiled_document_is_in_raw_or_in_quarantine_as_it_came(lakehouse, sent):
    first, last = (datetime.fromtimestamp(sent[i][0] / 1000, UTC).date() for i in (0, -1))
    code, report = lakehouse("backfill", "--from", str(first), "--to", str(last))
    assert code == 0, report
    held = []
    for table in ("raw.glucose_entries", "quarantine.glucose_entries"):
        _, rows = lakehouse("query", f"select payload from {table}")
        held.append({canonical(row["payload"]) for row in rows})
    came = {canonical(text) for _, text in sent}
    assert len(sent) == TIMES
    assert all(held)
    assert came - (held[0] | held[1]) == set()
