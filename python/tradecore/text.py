"""Text of files and users, made safe for where it is shown: terminals and spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

__all__ = ["csv_safe", "in_utf8", "printable", "toml_of"]


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return text that shows what it holds and does nothing else to a terminal.

    Control characters, sequences that begin with one, marks that turn the direction of writing and everything else
    that does not show as itself become escapes such as ``\x1b``.

    Parameters
    ----------
    text : str
    lines : bool
        Whether line feeds and tabs stay what they are.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text)


def in_utf8(value: Any) -> Any:
    r"""Return plain data with all its texts in UTF-8: bytes of a file's name that are none become ``\xff``."""
    if isinstance(value, str):
        try:
            named = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half of a pair of surrogates, which no name of a file makes
            named = value.encode("utf-8", "backslashreplace")
        return named.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {in_utf8(key): in_utf8(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [in_utf8(item) for item in value]
    return value


def toml_of(table: Mapping[str, Any]) -> str:
    """Return plain data as TOML, in which absent keys stand for None."""
    import tomli_w

    return tomli_w.dumps(_without_none(in_utf8(dict(table))))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value


def csv_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose texts no spreadsheet takes for formulas.

    A cell of text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe in front,
    unless it is a number. Columns of numbers are left alone.
    """
    import polars as pl

    text = pl.col(pl.String)
    is_formula = text.str.contains(r"^[=+\-@\t\r]") & ~text.str.contains(r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$")
    return frame.with_columns(pl.when(is_formula).then("'" + text).otherwise(text).name.keep())
