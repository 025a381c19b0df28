"""Operations that Ibis cannot translate for one of the engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import ibis.expr.operations as ops
from ibis.backends.sql import compilers

from lakehouse.portability.trap import Trap, Word
from lakehouse.portability.traps import OTHER


def undefined(operation: type[ops.Node], dialects: Iterable[str]) -> Iterator[Trap]:
    """Yield a trap for each dialect into which Ibis cannot translate an operation."""
    if not issubclass(operation, ops.Value) or operation is ops.Alias:
        return
    for dialect in dialects:
        compiler = getattr(compilers, dialect).compiler
        visit = getattr(compiler, f"visit_{operation.__name__}", None)
        lacking = (None, compiler.visit_Undefined, compiler.visit_Unsupported)
        if visit in lacking and operation not in compiler.extra_supported_ops:
            trap = f"{operation.__name__} is not defined for {dialect}"
            yield Trap("undefined", trap, OTHER, word=Word.NOTYET)
