"""Charts of Altair as static SVG, drawn without a browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lakehouse.errors import ConfigError
from lakehouse.pages import Chart
from lakehouse.pages.charts import specification

FONT = "Liberation Sans, Arial, Helvetica, DejaVu Sans Condensed, sans-serif"
"""Fonts of the page and its charts, all about as wide, so that labels fit."""
_CONFIG = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": {"labelFontSize": 9, "titleFontSize": 9, "titleFontWeight": "normal"},
    "legend": {"labelFontSize": 9, "titleFontSize": 9},
    "header": {"labelFontSize": 9, "titleFontSize": 9},
}


def svg(block: Chart, chosen: Mapping[str, str]) -> str:
    """Return a chart over its rows as SVG; it knows the chosen values as parameters."""
    try:
        import vl_convert
    except ImportError:
        raise ConfigError(
            "charts are drawn by vl-convert, which is not installed",
            hint="install it with `pip install 'lakehouse[site]'`",
        ) from None
    rows = [
        {name: _plain(value) for name, value in row.items()}
        for row in block.rows.to_pyarrow().to_pylist()
    ]
    spec = specification(block.chart)
    own = [param for param in spec.get("params", []) if param.get("name") not in chosen]
    spec["params"] = [*own, *({"name": name, "value": value} for name, value in chosen.items())]
    spec["data"] = {"values": rows}
    own_look = {key: value for key, value in spec.get("config", {}).items() if key != "view"}
    spec["config"] = {**_CONFIG, **own_look}  # without the sizes that Altair gives each view
    drawn: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return _scalable(drawn)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _scalable(drawn: str) -> str:
    """Let a page make the picture narrower: its `viewBox` keeps its shape."""
    return re.sub(
        r'(<svg\b[^>]*?) width="([\d.]+)" height="[\d.]+"', r'\1 width="\2"', drawn, count=1
    )
