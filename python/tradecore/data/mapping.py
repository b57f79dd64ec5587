"""Tables whose columns somebody names: the mapping, and Parquet files as the text that is read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tradecore.errors import DataError, InvalidValueError
from tradecore.files import config_text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ColumnMap", "columns_of", "is_parquet", "pieces_of"]

_ROWS = 1 << 17
_PARQUET = b"PAR1"

ColumnMap: TypeAlias = Mapping[str, str] | str | Path | None
"""Fields and the names of their columns: a mapping, text such as ``price=px,amount=qty``, or a TOML file of them."""


def columns_of(given: ColumnMap) -> list[tuple[str, str]] | None:
    """Return the fields and columns of a mapping.

    Raises
    ------
    InvalidValueError
        For what is none.
    ConfigError
        For a file that cannot be read.
    """
    if given is None:
        return None
    if isinstance(given, Path) or (isinstance(given, str) and given.endswith(".toml")):
        try:
            given = tomllib.loads(config_text(Path(given)))
        except tomllib.TOMLDecodeError as error:
            raise InvalidValueError("columns", f"{given}: {error}") from None
        given = given.get("columns", given)
    if isinstance(given, str):
        pairs = [part.partition("=") for part in given.split(",")]
        if wrong := next((part for part in pairs if not (part[0].strip() and part[2].strip())), None):
            raise InvalidValueError("columns", f"expected FIELD=COLUMN,..., got {''.join(wrong)!r}")
        return [(field.strip(), column.strip()) for field, _, column in pairs]
    if not isinstance(given, Mapping) or not given:
        raise InvalidValueError("columns", f"expected fields and the names of their columns, got {given!r}")
    if wrong_value := next((value for value in given.values() if not isinstance(value, (str, int))), None):
        raise InvalidValueError("columns", f"expected the name or the number of a column, got {wrong_value!r}")
    return [(str(field), str(column)) for field, column in given.items()]


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes.

    Raises
    ------
    DataError
        For a file that cannot be opened.
    """
    try:
        with path.open("rb") as opened:
            return opened.read(len(_PARQUET)) == _PARQUET
    except OSError as error:
        raise DataError(str(path), 0, f"cannot be opened: {error.strerror or error}") from None


def pieces_of(path: Path, columns: Sequence[tuple[str, str]] | None) -> Path | tuple[str, Iterator[bytes]]:
    """Return a file as it is, or the text of a Parquet file, whose columns have to be named.

    Raises
    ------
    DataError
        When it cannot be read.
    InvalidValueError
        For a Parquet file without a mapping.
    """
    if not is_parquet(path):
        return path
    import polars as pl

    if columns is None:
        raise InvalidValueError("columns", f"{path}: say what its columns mean: --map price=COLUMN,amount=COLUMN,...")
    try:
        frame = pl.scan_parquet(path)
        names = frame.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(str(path), 0, f"cannot be read: {str(error).splitlines()[0]}") from None
    wanted = [name for name in names if name in {column for _, column in columns}]
    return str(path), _text(frame.select(wanted or names))


def _text(frame: pl.LazyFrame) -> Iterator[bytes]:
    """Yield the rows as CSV, times as ns since 1970."""
    import polars as pl

    schema = frame.collect_schema()
    times = [
        pl.col(name).cast(pl.Datetime("ns")).cast(pl.Int64)
        for name, kind in schema.items()
        if isinstance(kind, pl.Datetime)
    ]
    at, rows = 0, _ROWS
    while rows == _ROWS:
        piece = frame.slice(at, _ROWS).with_columns(times).collect()
        rows = len(piece)
        if rows or at == 0:
            yield piece.write_csv(include_header=at == 0, quote_style="necessary").encode()
        at += rows
