"""Names that tables of several schemas share, such as bronze.orders and silver.orders.

Functions take each of them as `schema__name`. A name that one schema alone has stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lakehouse.declare import sql_files
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.specs import ModelSpec, QualitySpec, Spec


def told_apart(specs: Sequence[Spec | CopySpec]) -> list[Spec | CopySpec]:
    """Return specs, those of tables that share a name with the name `schema__name`.

    What names such a table with its schema, a check or a model in SQL, takes it by that name.
    """
    tables = {spec.table: spec for spec in specs if not isinstance(spec, QualitySpec)}
    counts = Counter(spec.name for spec in tables.values())
    names = {
        table: f"{spec.schema}__{spec.name}"
        for table, spec in tables.items()
        if counts[spec.name] > 1
    }
    return [_named(spec, names) for spec in specs] if names else [*specs]


def _named(spec: Spec | CopySpec, names: dict[str, str]) -> Spec | CopySpec:
    if isinstance(spec, QualitySpec):
        return replace(spec, names=names)
    if spec.table in names:
        spec = replace(spec, name=names[spec.table], name_in_schema=spec.name)
    if isinstance(spec, ModelSpec):
        spec = replace(spec, function=sql_files.with_names(spec.function, names))
    return spec
