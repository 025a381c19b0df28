"""A project of copies: the seeds in a folder, and tables of others that the test declares."""

from dataclasses import replace
from inspect import Parameter, Signature
from types import ModuleType

from toy import FIRST, Toy, into

from lakehouse import Table, model
from lakehouse.declare import seeds
from lakehouse.run.plan_preview import preview
from lakehouse.windows import Window


class Copied(Toy):
    """A home with seeds; a mart `<name>_mart` holds the rows of each of the named copies."""

    def change(self, *names, others=()):
        self.names, self.others = names, others
        marts, source = ModuleType("copied.marts"), ModuleType("copied.source")
        for name in names:
            model(kind=Table())(into(marts)(_mart(name)))
        for other in others:
            vars(source)[other.name] = replace(other, module=source.__name__)
        found = seeds.find(self.folder / "seeds")
        self.declare([source, marts], found=found)

    def seed(self, name, text):
        """Write a file of a seed."""
        (self.folder / "seeds").mkdir(exist_ok=True)
        raw = text if isinstance(text, bytes) else text.encode()
        (self.folder / "seeds" / name).write_bytes(raw)

    def go(self):
        """Run with the seeds as they are now, in a new process as it were; the report."""
        self.change(*self.names, others=self.others)
        return self.run(0)

    def plan(self):
        """What a run would do, table by table."""
        with self.session as session:
            window = Window.of_days(FIRST, FIRST, session.settings.timezone)
            return preview(session, (window,), frozenset(self.project.tables))

    def types(self, name):
        """The types of the columns of a copy, as the plan shows them."""
        return {column: str(kind) for column, kind in self.compiled.schemas[name].items()}


def _mart(name):
    def mart(**parents):
        return parents[name]

    mart.__name__ = f"{name}_mart"
    mart.__signature__ = Signature([Parameter(name, Parameter.KEYWORD_ONLY)])
    return mart
