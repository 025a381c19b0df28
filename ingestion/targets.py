"""A person's units and target range, as `[[nightscout.sites]]` of lakehouse.toml says them."""

from __future__ import annotations

from typing import Any

from ingestion.recording import MG_PER_MMOL
from lakehouse import ConfigError
from lakehouse.addresses import repeatable

MG_DL, MMOL_L = "mg/dL", "mmol/L"
UNITS = (MG_DL, MMOL_L)
CONSENSUS = (70, 180)
"""mg/dL; the target range of most people (Battelino 2019)."""
_LOWEST, _HIGHEST = 40, 400
"""mg/dL; what a sensor shows."""


def units(said: Any, where: str) -> str:
    """Return the units that a setting names, mg/dL by default. Raises ConfigError."""
    if said is None:
        return MG_DL
    known = {name.lower(): name for name in UNITS}
    name = known.get(said.strip().lower()) if isinstance(said, str) else None
    if name is None:
        raise ConfigError(f"{where} is {repeatable(said)}", hint=f"write {' or '.join(UNITS)}")
    return name


def target_range(said: Any, units: str, where: str) -> tuple[int, int]:
    """Return the lowest and the highest value in target, in whole mg/dL. Raises ConfigError.

    `said` is a pair in `units`; without it, the range is that of the consensus.
    """
    if said is None:
        return CONSENSUS
    factor = MG_PER_MMOL if units == MMOL_L else 1
    example = "[3.5, 7.8]" if units == MMOL_L else "[63, 140]"
    if not (isinstance(said, list) and [type(each) in (int, float) for each in said] == [True] * 2):
        raise ConfigError(
            f"{where} is no pair of numbers", hint=f"write two numbers in {units}, as in {example}"
        )
    low, high = (each * factor for each in said)
    if not _LOWEST <= low < high <= _HIGHEST or round(low) == round(high):
        raise ConfigError(
            f"{where} is {repeatable(said)}, which is no range of glucose in {units}",
            hint=f"write the lowest and the highest value in {units}, as in {example}",
        )
    return round(low), round(high)
