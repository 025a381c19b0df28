"""Charts of Altair as specifications of Vega-Lite, for whatever draws them."""

from __future__ import annotations

from typing import Any

_EMPTY: dict[str, Any] = {"values": [{}]}
"""What Altair gives a part of a chart that has no data."""


def specification(chart: Any) -> dict[str, Any]:
    """Return the specification of a chart, in which parts without data read those of the whole."""
    import altair as alt

    with alt.data_transformers.enable(consolidate_datasets=False):
        spec: dict[str, Any] = _without_empty_data(chart.to_dict())
    return spec


def _without_empty_data(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_empty_data(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _without_empty_data(value)
        for key, value in part.items()
        if not (key == "data" and value == _EMPTY)
    }
