"""``tradecore store``: databases of sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import emit, say
from tradecore.cli.options import Json
from tradecore.cli.usage import Command, Group, in_utf8_name

__all__ = ["store_app"]

store_app = typer.Typer(cls=Group, help="Databases of sessions.", no_args_is_help=True)


@store_app.command(cls=Command)
def rebuild(
    journals: Annotated[
        list[Path],
        typer.Argument(metavar="JOURNAL", callback=in_utf8_name, help="Folders of sessions.", show_default=False),
    ],
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The database; sqlite:///tradecore.db if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Write sessions to a database once more, from their journals, in place of what is there of them."""
    from tradecore.live.rebuild import rebuild as write_again
    from tradecore.store import DEFAULT_URL, Store

    with Store(url or DEFAULT_URL) as store:
        written = [write_again(journal, store) for journal in journals]
        if json:
            emit({"store": store.place, "sessions": written})
        else:
            for summary in written:
                say(f"{summary['session']}: {summary['inputs']} inputs, in {store.place}")
