"""Marts beside those of the toy project, made by expressions that a test gives."""

from types import ModuleType

from toy import into, modules

from lakehouse import Table, model


def add_marts(toy, *functions, kind=None, checks=(), **options):
    """Let the toy project also have a mart for each function, called as the function is."""
    module = ModuleType("toy.marts")
    for function in functions:
        model(kind=kind or Table())(into(module)(function))
    toy.declare((*modules(toy.source, **options), module, *checks))


def mart(make, name="typed", doc=None):
    """A model of this name over the toy's events, with the columns that `make` gives."""

    def function(events):
        return make(events)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function
