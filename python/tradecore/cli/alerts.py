"""``tradecore alerts``."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, cast

import typer

from tradecore.cli.console import emit, say
from tradecore.cli.options import Json
from tradecore.cli.usage import Command, Group

__all__ = ["alerts_app"]

alerts_app = typer.Typer(cls=Group, help="Who is told when something goes wrong.", no_args_is_help=True)

_SEVERITIES = ("info", "warning", "critical")


def _severity(word: str) -> str:
    if word not in _SEVERITIES:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(_SEVERITIES)}")
    return word


@alerts_app.command("test", cls=Command)
def try_targets(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="Configuration, TOML.", show_default=False)],
    severity: Annotated[
        str, typer.Option(metavar="SEVERITY", callback=_severity, help="info, warning or critical.")
    ] = "critical",
    json: Json = False,
) -> int:
    """Send a message to every target that is told of alerts of a severity, and say who took it.

    Addresses come from the environment. Exit code 1 if one was not taken.
    """
    from tradecore.config import load_config
    from tradecore.config.observe import Severity
    from tradecore.errors import ConfigError
    from tradecore.observe.extra import needs

    loaded, _ = load_config(config)
    if loaded.alerts is None:
        raise ConfigError(str(config), "alerts", "is not there: nobody is told of anything")
    needs("apprise", "alerts", str(config), "alerts")
    from tradecore.observe.targets import targets_of

    weight = cast("Severity", severity)
    body = f"A test from {socket.gethostname()}: alerts arrive."
    taken = {
        target.name: target.send(weight, "tradecore: test", body) if target.wants(weight) else None
        for target in targets_of(loaded.alerts, str(config))
    }
    if json:
        emit({"severity": severity, "targets": taken})
    else:
        words = {True: "taken", False: "NOT taken", None: f"is not told of {severity}"}
        for name, answer in taken.items():
            say(f"{name}: {words[answer]}")
    return 1 if False in taken.values() else 0
