"""What each command takes, as its `--help` says it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import click

from docs.written.markdown import plain, table
from lakehouse.cli import cli

_OF_ALL = frozenset({"--format", "--help"})
_SELECTION = frozenset({"--select", "--exclude", "--state"})
_HEAD = ["option", "meaning"]
_TOP = click.Context(cli, info_name="lakehouse", help_option_names=["-h", "--help"])


def command(name: str) -> str:
    """Return the usage of a command, what it does, and its own options."""
    called = context(name)
    usage = " ".join(["lakehouse", name, *called.command.collect_usage_pieces(called)])
    text = " ".join((called.command.help or "").split())
    rows = list(_rows(called, without=_OF_ALL | _SELECTION))
    if selecting := [f"`{each.opts[0]}`" for each in _options(called, among=_SELECTION)]:
        rows.append((", ".join(selecting), "[which tables](#selecting-tables)"))
    return f"`{usage}`\n\n{plain(text)}\n" + (f"\n{table(_HEAD, rows)}" if rows else "")


def shared_options(kind: str) -> str:
    """Return the options of `all` commands, or those of a `selection`."""
    if kind == "selection":
        return table(_HEAD, _rows(context("run"), among=_SELECTION))
    before = [
        (option, f"{text} Before the command.") for option, text in _rows(_TOP, without=_OF_ALL)
    ]
    return table(_HEAD, [*_rows(context("run"), among=_OF_ALL), *before])


def names() -> Iterator[str]:
    """Yield the name of each command, and of each that belongs to a command."""
    for name in cli.list_commands(_TOP):
        yield name
        found = context(name)
        if isinstance(found.command, click.Group):
            yield from (f"{name} {each}" for each in found.command.list_commands(found))


def context(name: str) -> click.Context:
    """Return the context in which a command is asked for its help."""
    found = _TOP
    for word in name.split():
        assert isinstance(found.command, click.Group)
        inner = found.command.get_command(found, word)
        assert inner is not None, f"there is no command {name!r}"
        found = click.Context(inner, info_name=word, parent=found)
    return found


def _options(
    called: click.Context, among: Collection[str] = (), without: Collection[str] = ()
) -> list[click.Option]:
    """Return a command's options: those that are named `among`, or all `without` those named."""
    options = [each for each in called.command.get_params(called) if isinstance(each, click.Option)]
    if among:
        return [each for each in options if {*each.opts} & {*among}]
    return [each for each in options if not {*each.opts} & {*without}]


def _rows(
    called: click.Context, among: Collection[str] = (), without: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield options as `--help` shows them: how each is written, and what it means."""
    for option in _options(called, among, without):
        record = option.get_help_record(called)
        assert record is not None
        meaning, _, values = record[1].partition("[")
        told = re.sub(r"(\d+)<=x<=(\d+)", r"\1 to \2", values.removesuffix("]"))
        text = " ".join(meaning.split()) + (f" ({told})" if told else "")
        yield f"`{record[0]}`", plain(text)
