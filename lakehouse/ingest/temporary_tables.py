"""Names of DuckDB's temporary tables that one step of ingestion passes to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec

INCOMING = "incoming"
"""The valid rows of a fetch, one for each key."""
EXISTING = "existing"
"""Key, time and file of stored rows whose key is incoming; IS_SAME if no value changed."""
IS_SAME = "_lakehouse_is_same"
"""Column of EXISTING: whether the incoming row holds the same values."""
IS_OLDER = "_lakehouse_is_older"
"""Column of EXISTING: the incoming value of the cursor as text, if the stored row is newer."""
MATCHED = "matched"
"""Incoming keys that are stored, with the file that holds them."""
WRITTEN = "written"
"""The incoming rows that are new or changed."""
RETURNED = "returned"
"""Key, time and validity of all rows of a fetch, if stored rows may be gone."""
GONE = "gone"
"""Key, time and file of stored rows that are gone."""
MOMENT = "_lakehouse_moment"
"""Column of RETURNED and GONE with the time of a row."""
REJECTED = "rejected"
"""The invalid rows of a fetch, one for each identity, as they are to be stored."""
QUARANTINE_BEFORE = "quarantine_before"
"""The quarantined rows as they are stored, with the hash of their identity."""
QUARANTINE_AFTER = "quarantine_after"
"""The quarantined rows as they are to be stored."""


def of_merge(spec: IngestionSpec) -> tuple[str, ...]:
    """Return the names of all that the merge of an ingestion may have made."""
    quarantine = (REJECTED, QUARANTINE_BEFORE, QUARANTINE_AFTER)
    return (validated(spec), INCOMING, EXISTING, MATCHED, WRITTEN, RETURNED, GONE, *quarantine)


def validated(spec: IngestionSpec) -> str:
    """Return the name of the table of an ingestion's cast rows with their `reasons`."""
    return f"{spec.name}_validated"
