"""Options that commands of market data share, and what they do alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.cli.console import emit, say
from tradecore.cli.rows import rows_of
from tradecore.cli.usage import in_utf8_name

if TYPE_CHECKING:
    from tradecore._core import Instrument

__all__ = [
    "AssumeLatency",
    "CatalogFolder",
    "CatalogRead",
    "ColumnsMap",
    "ContractSize",
    "FeedName",
    "Files",
    "Infer",
    "InstrumentId",
    "Json",
    "Kind",
    "OnError",
    "Quiet",
    "Replace",
    "SpecsFile",
    "Start",
    "may_ask_to_replace",
    "show",
    "spec_of",
]

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Files of one recording, in order.", show_default=False)
]
CatalogFolder = Annotated[
    Path, typer.Option(metavar="DIR", callback=in_utf8_name, help="The catalog's folder.", show_default=False)
]
CatalogRead = Annotated[
    Path, typer.Argument(metavar="CATALOG", callback=in_utf8_name, help="The catalog's folder.", show_default=False)
]
InstrumentId = Annotated[
    str | None,
    typer.Option("--instrument", metavar="ID", help="Its id, SYMBOL.VENUE; found in the data if not given."),
]
SpecsFile = Annotated[
    Path | None, typer.Option("--specs", metavar="FILE", help="TOML or JSON with specifications of instruments.")
]
Infer = Annotated[bool, typer.Option("--infer", help="Derive the specification from the data.")]
Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="With --infer: spot, linear, inverse, quanto, option or binary."),
]
ContractSize = Annotated[
    str | None,
    typer.Option("--contract-size", metavar="SIZE", help="With --infer: what one contract or unit stands for."),
]
OnError = Annotated[
    str,
    typer.Option("--on-error", metavar="WORD", help="strict, or skip: leave out and list lines that are no messages."),
]
Start = Annotated[
    str,
    typer.Option(metavar="WORD", help="snapshot, or empty: make a book of nothing where no snapshot is."),
]
AssumeLatency = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From the venue's stamp to receipt, such as 10ms; for files that do not say it."),
]
ColumnsMap = Annotated[
    str | None,
    typer.Option("--map", metavar="MAP", help="What columns mean, such as price=px,time=ts, or a TOML file."),
]
FeedName = Annotated[
    str | None,
    typer.Option("--feed", metavar="NAME", help="Which of the venue's feeds: of COINBASE advanced, exchange or full."),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace days that the catalog already holds.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no notes.")]


def spec_of(instrument: str, specs: Path | None) -> Instrument:
    """Return an instrument by id, of a file of specifications or a shipped one."""
    from tradecore.instruments import find_instrument, load_instruments

    return find_instrument(instrument, None if specs is None else load_instruments(specs))


@contextmanager
def may_ask_to_replace(catalog: Path, instrument: str) -> Iterator[None]:
    """Name the option that would help, where the catalog already holds what is to be written."""
    from tradecore.errors import CatalogError, OverlapError

    try:
        yield
    except OverlapError:
        raise CatalogError(
            str(catalog), f"already holds {instrument} of these days; --replace writes it anew"
        ) from None


def show(summary: dict[str, Any], *, json: bool) -> None:
    """Print a summary: a line or several for each of its keys, or one JSON object."""
    if json:
        emit(summary)
        return
    width = max(len(key) for key in summary)
    for key, lines in rows_of(summary):
        say(f"{key:<{width}}  " + f"\n{'':<{width}}  ".join(lines))
