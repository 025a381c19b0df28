"""Other values in one column of a table, and the columns of what is made of it that change."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import islice

import pyarrow as pa

from lakehouse.declare.project import ordered
from lakehouse.errors import QueryError
from lakehouse.lineage import Column


def variants(rows, column):
    """Tables that differ from `rows` in one column alone."""
    place, values = rows.column_names.index(column), rows[column].to_pylist()
    yields = [
        [_moved(value) for value in values],
        [None if number % 2 else value for number, value in enumerate(values)],
        values[::-1],
        values[:1] * len(values),
        [None] * len(values),
    ]
    kind = rows.schema.field(column).type
    for changed in yields:
        if changed != values:
            yield rows.set_column(place, pa.field(column, kind), pa.array(changed, kind))


def _moved(value):
    """Another value of the same type; a nested one stays."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 3
    if isinstance(value, str):
        return value + "x"
    return value + timedelta(days=1) if hasattr(value, "year") else value


def plain(value):
    """A value that can be counted: a float to nine digits."""
    return f"{value:.9g}" if isinstance(value, float) else repr(value)


def counted(rows, names):
    """How often each value is in each column, in any order."""
    return {name: Counter(plain(row[name]) for row in rows) for name in names}


def differing(one, other):
    return {name for name in one if one[name] != other[name]}


def named(lineage, table, name):
    """The columns that a column is said to be made of, and the tables whose rows it counts."""
    return {edge.parent for edge in lineage.parents(table, name)}


class Models:
    """The models of a project over rows of its raw tables, and of its seeds and other tables."""

    def __init__(self, run_model, lineage, rows):
        self.run, self.lineage = run_model, lineage
        self.project = run_model.project()
        self.statements = {
            spec.name: run_model.statement(spec.function) for spec in ordered(self.project)
        }
        self.tables = self.built(rows)

    def built(self, rows):
        """All tables, with those of the models."""
        tables = dict(rows)
        for name in rows:
            self.run.fill(name, rows[name])
        for name, statement in self.statements.items():
            made = self.made(name)
            tables[name] = pa.Table.from_pylist(made, statement.schema.to_pyarrow())
            self.run.fill(name, tables[name])
        return tables

    def made(self, name):
        return self.run.rows(self.statements[name], self.project.models[name].inputs)

    def counts(self, name):
        return counted(self.made(name), self.statements[name].schema)

    def direct(self, name, most=2):
        """Pairs (parent, child) of columns of a model and its parents that change together.

        Of these, also those that lineage does not name; `most` is the number of variants.
        """
        spec = self.project.models[name]
        before = self.counts(name)
        parents = {child: named(self.lineage, spec.table, child) for child in before}
        used, changed = set().union(*parents.values()), set()
        for each in spec.inputs:
            table = self.project.tables[each].table
            for column in self.tables[each].column_names:
                parent = Column(table, column)
                several = most if parent in used else 1
                for variant in islice(variants(self.tables[each], column), several):
                    self.run.fill(each, variant)
                    with suppress(QueryError):  # such as a zone that there is not
                        after = self.counts(name)
                        changed |= {(parent, child) for child in differing(before, after)}
            self.run.fill(each, self.tables[each])
        return changed, {(p, c) for p, c in changed if p not in parents[c]}

    def after(self, changes):
        """The columns of models that change with these (table, column) of raw tables."""
        rows = dict(self.tables)
        for name, column in changes:
            rows[name] = next(variants(rows[name], column), rows[name])
        rows = self.built({name: rows[name] for name in rows if name not in self.statements})
        found = set()
        for name in self.statements:
            one, other = (
                counted(tables[name].to_pylist(), tables[name].column_names)
                for tables in (self.tables, rows)
            )
            table = self.project.models[name].table
            found |= {Column(table, column) for column in differing(one, other)}
        for name, table in self.tables.items():
            self.run.fill(name, table)
        return found
