"""The ``tradecore`` command: its subcommands, and how errors become exit codes.

Exit codes: 0 done, 1 a run that failed, 2 bad usage, configuration or input, 130 interrupted. Errors are one line on
stderr, naming file, key or line; tracebacks only with ``--debug``.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from tradecore.cli.backtest import backtest
from tradecore.cli.data import data_app
from tradecore.errors import RunError, StrategyError, TradecoreError

__all__ = ["app", "main"]

app = typer.Typer(
    name="tradecore",
    help="Tick-level backtesting with honest fills.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(backtest)
app.add_typer(data_app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from tradecore import __version__

        typer.echo(f"tradecore {__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Tick-level backtesting with honest fills."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(words, standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except TradecoreError as error:
        _complain(str(error), words)
        return 1 if isinstance(error, RunError | StrategyError) else 2
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")) and hasattr(error, "format_message"):
            _complain(error.format_message(), [])
            return 2
        raise
    return code if isinstance(code, int) else 0


def _complain(message: str, words: list[str]) -> None:
    if "--debug" in words:
        traceback.print_exc()
    sys.stderr.write("error: " + " ".join(message.split("\n")) + "\n")
