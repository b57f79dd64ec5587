"""``tradecore init``."""

from __future__ import annotations

import importlib.util
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import command, emit, next_steps, python, quoted, say
from tradecore.cli.options import Json
from tradecore.cli.usage import in_utf8_name

__all__ = ["init"]

_FILES = {
    "README.md": "README.md",
    "backtest.toml": "backtest.toml",
    "gitignore": ".gitignore",
    "maker.py": "maker.py",
    "test_maker.py": "test_maker.py",
}
"""Templates, and what they are called in a project."""

_MARKET = "market"
_INSTRUMENT = "BTCUSDT.SYNTH"
_EVENTS = 500_000
_SEED = 1


def init(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", callback=in_utf8_name, help="Where to make it: a new folder, or one that is there."
        ),
    ] = Path("."),
    force: Annotated[
        bool, typer.Option("--force", help="Write the project's files over those of their names.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a small project: a market maker, its backtest and its tests.

    It comes with a synthetic market and runs as it is, without a network. Other files of the folder are left alone.
    """
    from tradecore.data.catalog import Catalog
    from tradecore.data.synthetic import synthesize
    from tradecore.errors import CatalogError
    from tradecore.files import staged

    if (there := [name for name in _FILES.values() if (folder / name).exists()]) and not force:
        raise CatalogError(str(folder), f"already holds {', '.join(there)}; --force writes over them and nothing else")
    with staged(folder) as fresh:
        for template, name in _FILES.items():
            text = (resources.files("tradecore") / "templates" / template).read_text(encoding="utf-8")
            if name == "README.md":
                text = text.format(events=_EVENTS, seed=_SEED)
            (fresh / name).write_text(text, encoding="utf-8", newline="\n")
        market = Catalog(folder / _MARKET)
        if _INSTRUMENT not in market.instruments():
            synthesize(market, events=_EVENTS, seed=_SEED)
    steps = _next(folder)
    if json:
        made = [str(folder / name) for name in _FILES.values()]
        emit({"folder": str(folder), "files": made, "market": str(market.path), "next": [line for line, _ in steps]})
        return
    say(f"made {', '.join(_FILES.values())} and {_MARKET}/ in {folder}")
    next_steps(steps)


def _next(folder: Path) -> list[tuple[str, str]]:
    """Return the commands that come next, each with what it does."""
    steps = [
        (command("backtest", "--config", "backtest.toml"), "run the maker; its files are in runs/"),
        (f"{python()} -m pytest", "test it"),
        (command("strategies"), "what else ships, to be named as `kind` in backtest.toml"),
    ]
    if importlib.util.find_spec("pytest") is None:
        steps.insert(1, (f"{python()} -m pip install pytest", "what its tests need"))
    if folder.resolve() != Path.cwd():
        steps.insert(0, (f"cd {quoted(folder)}", "all of it is relative to the project"))
    return steps
