"""The command line: reads arguments and prints results; the work is done in the folders below.

A command's module is imported only when that command runs, so `--help` stays quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

import click

from lakehouse import __version__
from lakehouse.cli.output import Output, OutputError
from lakehouse.errors import (
    COULD_NOT_RUN,
    ConfigError,
    DamagedFileWarning,
    LakehouseError,
    StorageError,
)
from lakehouse.system import signals

_LOOK = "`lakehouse doctor` examines what is wrong; `lakehouse --debug …` shows where it failed"
_COMMANDS = {
    "init": ("Write a small project to begin with.", "scaffold"),
    "new": ("Add an ingestion, a model or a check to the project.", "scaffold"),
    "run": ("Ingest one day, build what depends on it, check, merge and publish.", "run"),
    "backfill": ("Ingest a range of days, and build what depends on them, once.", "run"),
    "plan": ("Show what a run would do, and why.", "plan"),
    "freshness": ("Show how old the newest row of each source is.", "freshness"),
    "quarantine": ("List rejected rows by reason and day; show or retry them.", "quarantine"),
    "query": ("Answer SQL over the tables of a ref, or over Postgres.", "query"),
    "log": ("List the commits of main, newest first.", "log"),
    "check": ("Ask the checks of stored tables, or check the project itself.", "check"),
    "show": ("Show the record of a run: nodes, checks, errors.", "log"),
    "diff": ("Compare two refs: their tables, or the rows of one table.", "diff"),
    "why": ("Trace a row to its run, code, checks and parents.", "why"),
    "branches": ("List the branches of runs, or drop one.", "refs"),
    "merge": ("Merge what a run held for review.", "release"),
    "tag": ("Tag a commit, or list the tags.", "refs"),
    "rollback": ("Give main the tables of an earlier commit.", "release"),
    "publish": ("Publish main's newest commit again.", "release"),
    "maintain": ("Compact tables, and remove what is no longer needed.", "maintain"),
    "erase": ("Erase the rows of a person or a customer, everywhere.", "erase"),
    "refill": ("Fill a new raw column from the stored payload.", "refill"),
    "schedule": ("Run every ingestion by its cron, until it is stopped.", "schedule"),
    "alerts": ("List the open problems, or try the channels.", "alerts"),
    "snooze": ("Send no alerts about one problem for a while.", "alerts"),
    "lineage": ("Show which columns a column is made of, and what is made of it.", "lineage"),
    "dag": ("Draw the pipeline.", "dag"),
    "site": ("Write a site to look at: the pages of the project, and of its pipeline.", "site"),
    "superset": ("Show the marts in Superset.", "superset"),
    "report": ("Write the project's report about one person, to print.", "print_report"),
    "postgres": ("Run the embedded Postgres and print its address.", "postgres"),
    "doctor": ("Examine everything that a run needs, and say how to repair it.", "doctor"),
}


class _Commands(click.Group):
    """Group that lists commands without their modules, and imports the one that is used."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = import_module(f"lakehouse.cli.{_COMMANDS[name][1]}")
        command: click.Command = getattr(module, name)
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run a command. An EOFError becomes a StorageError, as click would take it for Ctrl-C."""
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
    """Run a command, and return its exit code: 0 done, 1 findings, 2 could not run."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    output = Output.of_arguments(argv)
    with warnings.catch_warnings():
        warnings.simplefilter("always", DamagedFileWarning)
        warnings.showwarning = partial(_warn, output, set(), warnings.showwarning)
        return _run(argv, output)


def _run(arguments: list[str], output: Output) -> int:
    try:
        with signals.heeded(partial(_leave, output)):
            code = cli.main(arguments, prog_name="lakehouse", standalone_mode=False)
    except click.ClickException as error:
        output.error(error.format_message(), hint="`--help` lists commands and options")
        return COULD_NOT_RUN
    except (click.Abort, KeyboardInterrupt) as error:
        return _tell_of_interruption(output, error)
    except Exception as error:  # noqa: BLE001 - every error is reported in one line
        if signals.stopped(error):
            return _tell_of_interruption(output, error)
        if "--debug" in arguments:
            output.trace(error)
        return _tell(output, _explained(error))
    return code if isinstance(code, int) else 0


def _tell_of_interruption(output: Output, error: BaseException) -> int:
    """Report an interruption, with what the command noted about main; return the exit code."""
    notes = getattr(signals.stopped(error), "__notes__", ())
    output.error("; ".join(["interrupted", *notes]))
    return signals.exit_code(error)


def _leave(output: Output, number: int | None, reason: Exception) -> NoReturn:
    """End the process at once: it waits for what does not come. Any thread may call it."""
    if number is None:
        code = _tell(output, reason)
    else:
        code = 128 + number
        message = str(reason).splitlines()[0]
        output.error(f"interrupted; {message}", hint="the next run does what is left")
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _warn(
    output: Output,
    printed: set[str],
    otherwise: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *where: Any,
    **how: Any,
) -> None:
    """Print a warning about a damaged file once; leave other warnings to Python's own function."""
    if not issubclass(category, DamagedFileWarning):
        otherwise(message, category, *where, **how)
    elif str(message) not in printed:
        printed.add(str(message))
        output.warning(str(message))


def _explained(error: Exception) -> Exception:
    """Return the reason of an error, such as a server that does not answer; else the error."""
    if isinstance(error, ConfigError | OutputError):
        return error
    from lakehouse import config
    from lakehouse.doctor import servers

    try:
        return servers.explained(config.load(), error)
    except ConfigError:
        return error


def _advice(error: OSError) -> str:
    """What to do about a file or a folder that the operating system refuses."""
    if isinstance(error, PermissionError):
        return "let this user read and write there, or choose another place"
    if isinstance(error, FileNotFoundError):
        return f"another process may have removed it; {_LOOK}"
    return _LOOK


def _tell(output: Output, error: Exception) -> int:
    """Report an error, and return the exit code."""
    if isinstance(error, LakehouseError):
        output.error(error.message, hint=error.advice)
        return error.exit_code
    if isinstance(error, OSError) and error.filename is not None:
        place = error.filename2 or error.filename
        output.error(f"{place}: {error.strerror}", hint=_advice(error))
        return COULD_NOT_RUN
    from lakehouse.addresses.discretion import unexpected

    output.error(
        unexpected(error),
        hint="; ".join(
            [
                *getattr(error, "__notes__", ()),
                "run with `lakehouse --debug …` for the traceback",
            ]
        ),
    )
    return COULD_NOT_RUN
