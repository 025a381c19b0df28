"""Values of a statement as values of Ibis, over the columns of a scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from sqlglot import exp

from lakehouse.errors import LakehouseError, ProjectError
from lakehouse.sql_models import times
from lakehouse.sql_models.kinds_of_types import are_alike, kind_of
from lakehouse.sql_models.literals import is_text, whole
from lakehouse.sql_models.makers import MAKERS
from lakehouse.sql_models.parsed import PYTHON, Node, SqlText, shown
from lakehouse.sql_models.scope import Scope

if TYPE_CHECKING:
    from lakehouse.sql_models.select import Selects

_NO_MEANING = frozenset({"big_int", "safe", "typed", "is_left", "requires_string", "zone_is_text"})
"""Parts of nodes that sqlglot notes for other dialects."""


class Values:
    """Makes values of Ibis from parts of a statement.

    `known` are values by their text: what was computed by an aggregation is a column after it.
    `aliases` are what the SELECT calls its values, in small letters.
    """

    def __init__(
        self,
        selects: Selects,
        scope: Scope,
        aliases: Mapping[str, Node] | None = None,
        known: Mapping[str, ir.Value] | None = None,
    ) -> None:
        self.selects, self.scope = selects, scope
        self.aliases, self.known = dict(aliases or {}), dict(known or {})

    @property
    def text(self) -> SqlText:
        """The statement, for errors."""
        return self.selects.text

    def __call__(self, node: Node) -> Any:
        """Return the value of a node. Raises ProjectError with its line if there is none."""
        if self.known and (known := self.known.get(self.key(node))) is not None:
            return known
        make = MAKERS.get(type(node))
        if make is None:
            raise self.refused(node)
        try:
            value = make(self, node)
        except LakehouseError:
            raise
        except Exception as error:
            raise self._untranslated(node, error) from error
        if not isinstance(node, exp.Literal | exp.Neg | exp.Null | exp.Boolean | exp.Interval):
            self.selects.note(value, node)
        return value

    def only(self, node: Node, *parts: str) -> list[Any]:
        """Return the parts of a node; raise ProjectError if it has any other."""
        others = {
            name: part
            for name, part in node.args.items()
            if part not in (None, False, []) and name not in parts and name not in _NO_MEANING
        }
        if others:
            raise self.refused(node)
        return [node.args.get(part) for part in parts]

    def refused(self, node: Node, hint: str = PYTHON) -> ProjectError:
        """Return the error for a part of a statement that has no meaning in a model."""
        return self.text.error(f"{shown(node)} cannot be part of an SQL model", node, hint=hint)

    def _untranslated(self, node: Node, error: Exception) -> ProjectError:
        said = " ".join(str(error).split())[:200]
        return self.text.error(
            f"{shown(node)} cannot be part of an SQL model: {said}", node, hint=PYTHON
        )

    def key(self, node: Node) -> str:
        """Return a text that two nodes share if they mean the same columns and functions."""

        def resolved(part: Node) -> Node:
            if isinstance(part, exp.Paren):
                return part.this
            if isinstance(part, exp.Column) and not isinstance(part.this, exp.Star):
                found = self.scope.found(part.name, part.table)
                if found:
                    return exp.column(exp.to_identifier(found[0].inner, quoted=True))
                if (meant := self.meant(part)) is not None:
                    return meant.copy().transform(resolved)
            return part

        return str(node.copy().transform(resolved).sql(comments=False))

    def meant(self, column: Node) -> Node | None:
        """Return the value of the SELECT that a bare name means, if no table has the column."""
        meant = None if column.table else self.aliases.get(column.name.lower())
        return None if meant is None or meant is column else meant

    def column(self, node: Node) -> Any:
        """Return a column, or the value that the SELECT calls so."""
        found = self.scope.found(node.name, node.table)
        if found:
            return self.scope.table[found[0].inner]
        meant = self.meant(node)
        if meant is None:
            raise self.text.error(
                f"{shown(node)} is no column here", node, hint="name it with its table"
            )
        aliases = {name: part for name, part in self.aliases.items() if part is not meant}
        return Values(self.selects, self.scope, aliases, self.known)(meant)

    def arguments(self, node: Node, parts: tuple[str, ...]) -> list[Any]:
        """Return the values of the parts of a function; a number that is written is Python's."""
        found = self.only(node, *parts)
        while found and found[-1] is None:
            found.pop()
        return [
            None if part is None else self(part) if name == "this" else self.argument(part)
            for name, part in zip(parts, found, strict=False)
        ]

    def argument(self, part: Node) -> Any:
        """Return a value; for what is written as a whole number, the number."""
        number = whole(part)
        return self(part) if number is None else number

    def alike(self, node: Node, *parts: Any) -> list[Any]:
        """Return values that can be compared: a text that is written is a time beside times.

        Raises ProjectError if they are of different kinds, which engines compare differently.
        """
        values = [self(part) for part in parts]
        temporal = next((v.type() for v in values if v.type().is_temporal()), None)
        if temporal is not None:
            values = [
                times.moment(self, part, temporal) if is_text(part) else value
                for part, value in zip(parts, values, strict=True)
            ]
        kinds = [value.type() for value in values]
        # Ibis takes a comparison with a bare null for the question whether a value is null.
        known = next((kind for kind in kinds if not kind.is_null()), dt.int32)
        values = [ibis.null(known) if value.type().is_null() else value for value in values]
        if not are_alike(kinds):
            described = " with ".join(dict.fromkeys(map(kind_of, kinds)))
            raise self.text.error(
                f"{shown(node)} brings together {described}", node, hint="cast one of them"
            )
        return values
