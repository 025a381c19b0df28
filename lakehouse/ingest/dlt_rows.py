"""Rows of sources and resources of dlt, read without a pipeline of dlt.

What a resource does to its items (pages, transformers, filters, its own `incremental`) is done.
What a pipeline would keep from one run to the next is not: windows tell what is new.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError, ProjectError
from lakehouse.table_names import name_of

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec


def is_of_dlt(given: Any) -> bool:
    """Return whether something is a source or a resource of dlt; dlt is not loaded to tell."""
    module = sys.modules.get("dlt.extract")
    return module is not None and isinstance(given, module.DltSource | module.DltResource)


def items(given: Sequence[Any], spec: IngestionSpec) -> Iterator[Any]:
    """Yield the items of sources and resources that were given together.

    Of several resources, those are read that are named as the table. Raises ProjectError if there
    are none, and an error of a resource as the resource raised it.
    """
    for resource in _chosen(given, spec):
        yield from _items(resource)


def _chosen(given: Sequence[Any], spec: IngestionSpec) -> list[Any]:
    from dlt.extract import DltSource

    resources: list[Any] = []
    for each in given:
        is_source = isinstance(each, DltSource)
        resources += each.selected_resources.values() if is_source else [each]
    if len(resources) == 1:
        return resources
    name = name_of(spec.table)
    chosen = [resource for resource in resources if resource.name == name]
    if not chosen:
        names = ", ".join(dict.fromkeys(resource.name for resource in resources)) or "none"
        raise ProjectError(
            f"{spec.table} was given the dlt resources {names}, and none is named {name!r}",
            hint="give the one that is meant, such as `source.resources['orders']`; each ingestion"
            " reads one table",
        )
    return chosen


def _items(resource: Any) -> Iterator[Any]:
    from dlt.common.configuration.container import Container
    from dlt.common.pipeline import PipelineContext

    # Without a pipeline: the state of one that is active would hide rows from an `incremental`.
    with Container().injectable_context(PipelineContext()):
        rows = iter(resource)
    try:
        yield from rows
    except Exception as error:  # noqa: BLE001 - dlt wraps whatever a resource raised
        raise cause_of(error) from None


def cause_of(error: BaseException) -> BaseException:
    """Return the error that a resource raised, which dlt wraps in its own errors."""
    from dlt.extract.exceptions import ResourceExtractionError

    seen: BaseException | None = error
    while seen is not None:
        below = seen.__cause__ or seen.__context__
        if isinstance(seen, LakehouseError | KeyboardInterrupt):
            return seen
        if isinstance(seen, ResourceExtractionError) and below is not None:
            return below
        seen = below
    return error
