"""The ``tradecore`` command: its subcommands, and how errors become exit codes.

Exit codes: 0 done, 1 a run that failed or a disk that is full, 2 bad usage, configuration or input or a place that
cannot be written, 130 interrupted, by Ctrl-C or a signal that asks the process to end. Errors are one line on stderr,
naming file, key or line; tracebacks only with ``--debug``.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from functools import cache
from typing import Annotated

import typer
from typer.core import TyperGroup

from tradecore.cli.alerts import alerts_app
from tradecore.cli.backtest import backtest
from tradecore.cli.check_exchange import check_exchange
from tradecore.cli.compare import compare
from tradecore.cli.console import escape_what_streams_cannot_hold, note
from tradecore.cli.data import data_app
from tradecore.cli.fit import fit_app
from tradecore.cli.init import init
from tradecore.cli.live import live, paper, serve
from tradecore.cli.lookahead import lookahead
from tradecore.cli.record import record
from tradecore.cli.replay import replay
from tradecore.cli.report import report
from tradecore.cli.sandbox import sandbox_app
from tradecore.cli.store import store_app
from tradecore.cli.strategies import strategies
from tradecore.cli.train import train
from tradecore.cli.usage import Command, Group, usage_problem
from tradecore.cli.user import user_app
from tradecore.errors import RunError, StrategyError, TradecoreError
from tradecore.files import DISK_FULL
from tradecore.interrupts import as_ctrl_c

__all__ = ["app", "main"]

_INTERRUPTED = 130

app = typer.Typer(
    name="tradecore",
    cls=Group,
    help="Tick-level backtesting with honest fills.",
    epilog="Begin with: tradecore init demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=Command)(init)
app.command(cls=Command)(backtest)
app.command(cls=Command)(paper)
app.command(cls=Command)(live)
app.command(cls=Command)(record)
app.command(cls=Command)(serve)
app.command(cls=Command)(replay)
app.command(cls=Command)(compare)
app.command(cls=Command)(report)
app.command(cls=Command)(lookahead)
app.command(cls=Command)(strategies)
app.command(cls=Command)(train)
app.command("check-exchange", cls=Command)(check_exchange)
app.add_typer(data_app, name="data")
app.add_typer(fit_app, name="fit")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(store_app, name="store")
app.add_typer(alerts_app, name="alerts")
app.add_typer(user_app, name="user")


def _version(wanted: bool) -> None:
    if wanted:
        from tradecore.version import __version__

        typer.echo(f"tradecore {__version__}")
        raise typer.Exit


@app.callback()
def root(
    # Only for the help: main takes it out, so that it may stand anywhere.
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Tick-level backtesting with honest fills."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _replace_closed_streams()
    escape_what_streams_cannot_hold()
    with as_ctrl_c("SIGTERM", "SIGHUP"):
        try:
            return _main(words)
        except KeyboardInterrupt:  # while what there was to say was said
            return _INTERRUPTED


def _main(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        code = _run([word for word in words if word != "--debug"])
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any further, as with `| head`.
        _drop_output()
        return 0
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return _INTERRUPTED
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # rich turns a closed pipe into this
            return 0
        raise
    # A panic of the core is no Exception.
    except BaseException as error:
        code, message = _judge(error)
        if isinstance(error, OSError):
            _drop_output()
        if debug:
            note(error.traceback if isinstance(error, StrategyError) else traceback.format_exc())
        if message:
            note("error: " + " ".join(message.splitlines()))
    return code


@cache
def _commands() -> TyperGroup:
    """Return all commands; made once, for it reads the signature of each."""
    return typer.main.get_group(app)


def _run(words: list[str]) -> int:
    command = _commands()
    try:
        with command.make_context("tradecore", words) as context:
            code = command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    return code if isinstance(code, int) else 0


def _judge(error: BaseException) -> tuple[int, str]:
    """Return the exit code an error stands for, and what to say about it."""
    if isinstance(error, TradecoreError):
        return (1 if isinstance(error, RunError | StrategyError) or _is_full(error.__cause__) else 2), str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename is not None else ""
        return (1 if _is_full(error) else 2), f"{place}{error.strerror or error}"
    if isinstance(error, OverflowError):
        return 2, str(error)
    if isinstance(error, UnicodeEncodeError):
        return 2, f"a name that is no text in UTF-8: {error.object!r}"
    if type(error).__module__.startswith(("click", "typer")) and hasattr(error, "format_message"):
        return 2, usage_problem(error, _commands())
    return 1, f"internal error: {type(error).__name__}: {error}; run again with --debug"


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_FULL


def _replace_closed_streams() -> None:
    """Stand in for the standard streams that the caller closed."""
    if sys.stdout is None:
        sys.stdout = io.StringIO()
    if sys.stderr is None:
        sys.stderr = io.StringIO()


def _drop_output() -> None:
    """Throw away what stdout still holds if it cannot be written, or the interpreter complains when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
