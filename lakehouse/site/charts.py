"""Charts of Altair as specifications of Vega, which a browser draws without evaluating code.

Times are shown as they stand in the rows, wherever the browser is: everything that Vega does in the
time zone of the browser is done in UTC instead, in which the rows are given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lakehouse.errors import ConfigError, ProjectError
from lakehouse.pages.charts import specification
from lakehouse.pages.decorators import Choice

ROWS = "rows"
"""Name of the data set that a page puts a chart's rows into."""
_INK = "currentColor"
"""The colour of the text around it, so that a chart follows a page from light to dark."""
_FAINT = 0.16
_GLOBALS = "window.vegaEmbed = vegaEmbed;"
"""The only name that the library gives to the scripts of a page."""
_CONFIG = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "text": {"color": _INK},
    "rule": {"color": _INK},
    "title": {"color": _INK},
    "header": {"labelColor": _INK, "titleColor": _INK},
    "legend": {"labelColor": _INK, "titleColor": _INK},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "titleFontWeight": "normal",
        "domainColor": _INK,
        "domainOpacity": 0.4,
        "tickColor": _INK,
        "tickOpacity": 0.4,
        "gridColor": _INK,
        "gridOpacity": _FAINT,
    },
}
_OF_PARTS = r"year|quarter|month|date|week|day|dayofyear|hours|minutes|seconds|milliseconds"
_LOCAL = (
    (re.compile(rf"(?<![\w.])({_OF_PARTS})\("), r"utc\1("),
    (re.compile(r"(?<![\w.])time(Format|Parse|Offset|Sequence)\("), r"utc\1("),
    (re.compile(r"(?<![\w.])datetime\("), "utc("),
)
"""Functions of Vega's expressions in the time zone of the browser, and those in UTC."""
_EXPRESSIONS = frozenset({"signal", "expr", "test", "update", "init"})


def require_libraries() -> None:
    """Raise ConfigError if the libraries that make charts are not installed."""
    for name in ("altair", "vl_convert"):
        if find_spec(name) is None:
            raise ConfigError(
                f"the site needs {name}, which is not installed",
                hint="install the extra `site`: pip install 'lakehouse[site]'",
            )


def library_version() -> str:
    """Return the version of what makes charts."""
    from importlib.metadata import version

    return version("vl-convert-python")


def library_versions() -> str:
    """Return the versions of what draws charts."""
    from importlib.metadata import version

    return f"{version('altair')} {library_version()}"


def javascript() -> str:
    """Return the library that draws charts in a browser, as one script."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle(_GLOBALS)
    return bundle


@dataclass(frozen=True)
class Drawn:
    """A chart as Vega over the data set `ROWS`."""

    vega: Mapping[str, Any]


def parameters(choices: Sequence[Choice]) -> dict[str, str]:
    """Return what the charts of a page are given, with the values that are chosen at first."""
    return {choice.name: choice.values[0] if choice.values else "" for choice in choices}


def drawn(chart: Any, parameters: Mapping[str, str], title: str) -> Drawn:
    """Draw a chart of Altair, unless it is drawn; `parameters` are those it is given.

    Raises ProjectError, with the title, for a chart that Vega-Lite does not take.
    """
    if isinstance(chart, Drawn):
        return chart
    import vl_convert

    try:
        spec = specification(chart)
        compiled: dict[str, Any] = vl_convert.vegalite_to_vega(_completed(spec, parameters))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ProjectError(
            f"the chart {title!r} cannot be drawn: {reason}",
            hint="each encoding needs a type, such as 'day:T' or 'value:Q'",
        ) from error
    compiled.pop("$schema", None)
    return Drawn(_in_utc(compiled))


def _completed(spec: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return a specification of Vega-Lite with the data, the parameters and the look of a page."""
    spec = {**spec, "data": {"name": ROWS}}
    known = {parameter["name"] for parameter in spec.get("params", ())}
    spec["params"] = [
        *spec.get("params", ()),
        *(
            {"name": name, "value": value}
            for name, value in parameters.items()
            if name not in known
        ),
    ]
    if not {"hconcat", "vconcat", "concat", "facet", "repeat"} & spec.keys():
        spec.setdefault("width", "container")
    own = dict(spec.get("config", {}))
    own.pop("view", None)  # Altair's default size
    spec["config"] = _merged(_CONFIG, own)
    return spec


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], value)
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        else value
        for key, value in above.items()
    }
    return {**below, **both}


def _in_utc(part: Any, key: str = "") -> Any:
    """Return a part of a specification of Vega with everything that is local time in UTC."""
    if isinstance(part, list):
        return [_in_utc(item, key) for item in part]
    if isinstance(part, str):
        if key in _EXPRESSIONS:
            for local, utc in _LOCAL:
                part = local.sub(utc, part)
        return part
    if not isinstance(part, dict):
        return part
    changed = {name: _in_utc(value, name) for name, value in part.items()}
    if part.get("type") == "time":
        changed["type"] = "utc"
    if part.get("type") == "timeunit":
        changed["timezone"] = "utc"
    if part.get("formatType") == "time":
        changed["formatType"] = "utc"
    return changed
