"""The box of a table, in every picture that has tables."""

from __future__ import annotations

from lakehouse.declare.copies import CopySpec
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.specs import IngestionSpec, ModelSpec
from lakehouse.draw.picture import Box


def table_box(spec: IngestionSpec | CopySpec | ModelSpec) -> Box:
    """Return the box of a table, with its bare name as id."""
    if isinstance(spec, CopySpec):
        return Box(spec.name, spec.table, spec.schema, "copy", spec.origin.kind)
    doc = (spec.function.__doc__ or "").strip()
    if isinstance(spec, ModelSpec):
        return Box(spec.name, spec.table, spec.schema, *_kind(spec), doc)
    key = ", ".join(spec.unique_key)
    return Box(spec.name, spec.table, spec.schema, "merge", f"by {key}", doc)


def _kind(model: ModelSpec) -> tuple[str, str]:
    """Return the kind and the note of a model's box."""
    if isinstance(model.kind, Incremental):
        by = [model.kind.grain] if model.time_column else []
        return "incremental", f"incremental · {', '.join([*by, *model.key])}"
    return ("view", "view") if model.is_view else ("table", "table")
