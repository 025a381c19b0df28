"""The command line: words in, words out. What commands do lives in the modules they call.

A command's module is imported only when that command runs, so `--help` stays quick.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import click

from lakehouse import __version__, signals
from lakehouse.cli.output import Output, OutputError
from lakehouse.errors import (
    COULD_NOT_RUN,
    ConfigError,
    DamagedFileWarning,
    LakehouseError,
    StorageError,
)

_LOOK = "`doctor` looks what is wrong; `lakehouse --debug …` shows where it was met"
_COMMANDS = {
    "run": ("Ingest one day, build what depends on it, check, merge and publish.", "run"),
    "backfill": ("The same for a range of days.", "run"),
    "plan": ("Show what a run would do, and why.", "plan"),
    "freshness": ("Show how old the newest reading of each source is.", "freshness"),
    "quarantine": ("List rejected rows by reason and day; show or retry them.", "quarantine"),
    "query": ("Answer SQL over the tables of a ref, or over Postgres.", "query"),
    "log": ("List the commits of main, newest first.", "log"),
    "check": ("Ask the checks of what is there, or check the project itself.", "check"),
    "show": ("Show all that is known of a run.", "log"),
    "diff": ("Compare two states: tables, or the rows of one.", "diff"),
    "why": ("Trace a row to its run, code, checks and parents.", "why"),
    "branches": ("List the branches of runs, or drop one.", "refs"),
    "merge": ("Merge what a run held for review.", "release"),
    "tag": ("Name a commit, or list the names.", "refs"),
    "rollback": ("Give main the tables of an earlier commit.", "release"),
    "publish": ("Publish main's newest commit again.", "release"),
    "maintain": ("Compact tables, and remove what nothing needs any more.", "maintain"),
    "schedule": ("Run every ingestion by its cron, until it is stopped.", "schedule"),
    "alerts": ("List what is wrong as people were told, or try the channels.", "alerts"),
    "snooze": ("Be told nothing of one problem for a while.", "alerts"),
    "dag": ("Draw the pipeline.", "dag"),
    "postgres": ("Run the embedded Postgres and print its address.", "postgres"),
    "doctor": ("Check that everything a run needs is in order.", "doctor"),
}


class _Commands(click.Group):
    """Knows every command by name and help line, and imports the one that is used."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = import_module(f"lakehouse.cli.{_COMMANDS[name][1]}")
        command: click.Command = getattr(module, name)
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run a command; click would take a file that ends too soon for Ctrl-C."""
        try:
            return super().invoke(context)
        except EOFError as error:
            raise StorageError(f"a file ends too soon: {error}", hint=_LOOK) from error

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (text, _) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="lakehouse")
@click.pass_context
def cli(context: click.Context, *, debug: bool) -> None:
    """Backend-portable data pipelines: ingest, build, check, merge, publish."""
    context.obj = debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0 done, 1 findings, 2 could not run."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output = Output.of_arguments(given)
    with warnings.catch_warnings():
        warnings.simplefilter("always", DamagedFileWarning)
        warnings.showwarning = partial(_warn, output, set(), warnings.showwarning)
        return _run(given, output)


def _run(given: list[str], output: Output) -> int:
    try:
        with signals.heeded():
            code = cli.main(given, prog_name="lakehouse", standalone_mode=False)
    except click.ClickException as error:
        output.error(error.format_message(), hint="`--help` lists what there is")
        return COULD_NOT_RUN
    except (click.Abort, KeyboardInterrupt) as error:
        return _tell_of_interruption(output, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        if signals.stopped(error):
            return _tell_of_interruption(output, error)
        if "--debug" in given:
            output.trace(error)
        return _tell(output, _explained(error))
    return code if isinstance(code, int) else 0


def _tell_of_interruption(output: Output, error: BaseException) -> int:
    """Say where that leaves main, as far as a command noted it; the exit code."""
    notes = getattr(signals.stopped(error), "__notes__", ())
    output.error("; ".join(["interrupted", *notes]))
    return signals.exit_code(error)


def _warn(
    output: Output,
    told: set[str],
    otherwise: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *where: Any,
    **how: Any,
) -> None:
    """Say that a file is damaged, once, as a command says things; else do as Python does."""
    if not issubclass(category, DamagedFileWarning):
        otherwise(message, category, *where, **how)
    elif str(message) not in told:
        told.add(str(message))
        output.warning(str(message))


def _explained(error: Exception) -> Exception:
    """The error, or that a server does not answer, if that is the reason."""
    if isinstance(error, ConfigError | OutputError):
        return error
    from lakehouse import config, probes

    try:
        return probes.explained(config.load(), error)
    except ConfigError:
        return error


def _tell(output: Output, error: Exception) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, LakehouseError):
        output.error(error.message, hint=error.advice)
        return error.exit_code
    if isinstance(error, OSError) and error.filename is not None:
        place = error.filename2 or error.filename
        output.error(f"{place}: {error.strerror}", hint=_LOOK)
        return COULD_NOT_RUN
    lines = str(error).splitlines() or [""]
    output.error(
        f"unexpected {type(error).__name__}: {lines[0]}",
        hint="; ".join(
            [
                *getattr(error, "__notes__", ()),
                "run with `lakehouse --debug …` for the traceback",
            ]
        ),
    )
    return COULD_NOT_RUN
