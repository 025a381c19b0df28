"""Days on which two traces of a person disagree by more than a sensor's noise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from witness.moments import MINUTE, Home
from witness.readings import Reading

FEWEST = 12


def disagreeing_days(uploads: Iterable[Reading], home: Home) -> dict[date, list[int]]:
    """Glucose of a dozen uploads or more that stand out from those beside them, by local day."""
    trace = sorted(uploads, key=lambda upload: (upload.at, upload.entry_id))
    days: dict[date, list[int]] = {}
    for before, here, after in zip(trace, trace[1:], trace[2:], strict=False):
        if _stands_out(before, here, after):
            days.setdefault(home.local(here.at).date(), []).append(here.glucose)
    return {day: values for day, values in days.items() if len(values) >= FEWEST}


def _stands_out(before: Reading, here: Reading, after: Reading) -> bool:
    """Whether an upload is far above both neighbours within five minutes, or far below both."""
    if max(here.at - before.at, after.at - here.at) > 5 * MINUTE:
        return False
    step = max(40, max(here.glucose, before.glucose) * 20 // 100)
    rise, fall = here.glucose - before.glucose, here.glucose - after.glucose
    return min(rise, fall) > step or max(rise, fall) < -step
