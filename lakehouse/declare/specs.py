"""Specs: the arguments of a declaration as frozen data, attached to the decorated function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import Any, TypeAlias, TypeVar

from lakehouse.checks import Rule, Tolerance
from lakehouse.declare.kinds import Kind, Table, View, in_words
from lakehouse.declare.project_code import place_of
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.table_names import name_of, schema_of

Function = TypeVar("Function", bound=Callable[..., Any])

MARTS = "marts"
"""The schema whose models are published to Postgres unless they say otherwise."""
WINDOW = "window"
"""Name of the parameter that tells an ingestion which window to fetch."""
SINCE = "since"
"""Name of the parameter that tells an ingestion from which value of its cursor to read."""
FILE = "file"
"""Name of the parameter that hands an ingestion the file to read."""
_SPEC, _MADE_IN = "__lakehouse_spec__", "__lakehouse_made_in__"


@dataclass(frozen=True)
class IngestionSpec:
    """An ingestion: a function that yields rows of one source for one window."""

    name: str
    """Its name among the project's tables, by which functions take it as a parameter."""
    function: Callable[..., Any] = field(repr=False)
    unique_key: tuple[str, ...]
    validation_schema: Any
    time_column: str | None
    group: str | None
    cron: str | None
    freshness_hours: tuple[float, float] | None
    overlap: timedelta
    max_quarantine_percent: float | None
    retention: timedelta | None
    deletes: SoftDelete | str | None = None
    """'window' if rows that a window no longer has are marked as gone; None: they stay."""
    naming: str | None = None
    """'snake_case' if columns are the source's names in snake case; None: they are its names."""
    cursor: str | None = None
    """The column of which the source is asked for what is newer than before; None: no such."""
    lag: timedelta | int = timedelta()
    """How far before the newest value of the cursor the source is read again."""
    files: str | None = None
    """A pattern of the files that are read, each once as it is; None: the source is no folder."""
    schema: str = "raw"
    name_in_schema: str = ""
    """Its name within the schema, if another schema has a table of it; empty: `name`."""

    @property
    def table(self) -> str:
        """The qualified name of the raw table."""
        return f"{self.schema}.{self.name_in_schema or self.name}"

    @property
    def place(self) -> str:
        """Where it is declared, as errors show it."""
        return place_of(self.function)

    @property
    def description(self) -> str:
        """What the docstring of the ingestion says."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def declared(self) -> Mapping[str, str]:
        """How the table is kept, by argument, as text; its columns are not part of it."""
        return {
            "unique_key": ", ".join(self.unique_key),
            "time_column": self.time_column or "None",
            "deletes": str(self.deletes),
            "cursor": self.cursor or "None",
            "files": self.files or "None",
        }

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the function's parameters that nodes of the DAG, or a run, have values of.

        That is without `since` and `file`, whose values follow from the state of the table.
        """
        own = {SINCE: self.cursor, FILE: self.files}
        return tuple(name for name in parameters(self.function) if own.get(name) is None)

    @property
    def by_window(self) -> bool:
        """Whether a run asks the source for its windows, and notes which ones were fetched."""
        return self.time_column is not None and not self.by_state

    @property
    def by_state(self) -> bool:
        """Whether what the source is asked for follows from what main has: a cursor, or files."""
        return self.cursor is not None or self.files is not None

    @property
    def is_read_whole(self) -> bool:
        """Whether the source gives all that it has each time."""
        return self.time_column is None and not self.by_state


@dataclass(frozen=True)
class ModelSpec:
    """A model: a function from Ibis tables to one Ibis table."""

    name: str
    """Its name among the project's tables, by which functions take it as a parameter."""
    schema: str
    function: Callable[..., Any] = field(repr=False)
    kind: Kind
    group: str | None
    tags: tuple[str, ...]
    publish: bool | None = None
    """Whether the table is published to Postgres; None: if its schema is `marts`."""
    name_in_schema: str = ""
    """Its name within the schema, if another schema has a table of it; empty: `name`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What columns mean, by name; not all need to be described."""

    @property
    def table(self) -> str:
        """The qualified name of the table."""
        return f"{self.schema}.{self.name_in_schema or self.name}"

    @property
    def is_published(self) -> bool:
        """Whether the table is published to Postgres."""
        return self.schema == MARTS if self.publish is None else self.publish

    @property
    def mart(self) -> str:
        """The name of the table among what is published: bare in the schema `marts`."""
        return mart_of(self.table)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the function's parameters, which are the tables that it reads."""
        return parameters(self.function)

    @property
    def place(self) -> str:
        """Where it is declared, as errors show it."""
        return place_of(self.function)

    @property
    def description(self) -> str:
        """What the docstring of the model says."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def declared(self) -> Mapping[str, str]:
        """How the table is kept, by argument, as text; its code and columns are not part of it."""
        return {"kind": in_words(self.kind)}

    @property
    def is_view(self) -> bool:
        """Whether the model is a view: its rows are not stored."""
        return isinstance(self.kind, View)

    @property
    def time_column(self) -> str | None:
        """The column by whose windows the table is built; None if it is not built by time."""
        return None if isinstance(self.kind, Table) else self.kind.time_column

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by whose values the table is built; empty if it is not built by key."""
        if isinstance(self.kind, Table):
            return ()
        return (self.kind.key,) if isinstance(self.kind.key, str) else tuple(self.kind.key)


@dataclass(frozen=True)
class QualitySpec:
    """Checks of one table: ready ones, and a function that returns offending rows."""

    name: str
    table: str
    function: Callable[..., Any] = field(repr=False)
    checks: tuple[Rule, ...]
    blocking: bool
    finding: bool
    """Whether a failure that does not block ends the command with exit code 1."""
    tolerance: Tolerance
    """Tolerance of the function, and of each ready check that has none of its own."""
    reach: tuple[timedelta, timedelta] | None
    """Time that is read before and after the changed windows; None: whole tables are read."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The names, among the project's tables, of those that schemas share a name of."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The bare names of the tables that it reads: first the checked one, then all others."""
        others = [other for rule in self.checks for other in rule.others]
        named = map(self.name_of, (self.table, *others))
        return tuple(dict.fromkeys((*named, *parameters(self.function))))

    @property
    def place(self) -> str:
        """Where it is declared, as errors show it."""
        return place_of(self.function)

    def name_of(self, table: str) -> str:
        """The name, among the project's tables, of one that is named with its schema."""
        return self.names.get(table, name_of(table))

    def tolerance_of(self, rule: Rule | None) -> Tolerance:
        """The tolerance of a ready check: its own, or else that of the `@quality`, as without."""
        return (rule and rule.tolerance) or self.tolerance

    def is_strict(self, rule: Rule) -> bool:
        """Return whether a ready check admits no exception: no `where` and no tolerance."""
        return rule.where is None and self.tolerance_of(rule) == Tolerance()


Spec: TypeAlias = IngestionSpec | ModelSpec | QualitySpec


def mart_of(table: str) -> str:
    """The name of a table among what is published: bare in the schema `marts`."""
    return name_of(table) if schema_of(table) == MARTS else table


def attach(function: Function, spec: Spec) -> Function:
    """Attach a spec to a function, and the module that has it made; return the function."""
    setattr(function, _SPEC, spec)
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    setattr(function, _MADE_IN, frame.f_globals.get("__name__") if frame else None)
    return function


def made_in(function: object) -> str | None:
    """The name of the module whose import made a decorated function, maybe by another's help."""
    return getattr(function, _MADE_IN, None)


def spec_of(function: object) -> Spec | None:
    """The spec that a decorator attached to `function`, if any."""
    return getattr(function, _SPEC, None)


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters."""
    return tuple(inspect.signature(function).parameters)


def uses_parameters(function: Callable[..., Any]) -> bool:
    """Return whether the code of a function reads any of its parameters; `...` does not."""
    import dis

    steps = dis.get_instructions(inspect.unwrap(function))
    return any("FAST" in step.opname or "DEREF" in step.opname for step in steps)
