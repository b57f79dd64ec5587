"""A result as one file, ``.tcr``: what it says as JSON, its tables as raw columns. Reading it executes nothing.

A zip archive of ``result.json`` (figures and the layout of the tables), ``journal`` and a ``tables/NAME`` each: column
by column, piece by piece. It appears at once and whole, under its name or not at all.
"""

from __future__ import annotations

import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import orjson

from tradecore.backtest.tables import TABLES, WIDTHS, Stored, TableStore
from tradecore.errors import DataError
from tradecore.files import placed
from tradecore.strategy.state import decode, encode

__all__ = ["pack", "read_archive", "write_archive"]

_FORM: Final = "tradecore result"
_VERSION: Final = 1

_Built = TypeVar("_Built")

_DAMAGED: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What bytes that are not what they say make the readers of zip, JSON and columns raise."""

_UNPACKED: Final = (16 << 20, 64)
"""What a file may unpack to: bytes for any, and times its own size, of which constant columns are below 20."""
_VALUES: Final = (1 << 19, 1 / 8)
"""How many values ``result.json`` may hold: for any file, and for each of its bytes; a value takes more than eight."""

_Layout = list[tuple[str, str]]


def write_archive(path: Path, facts: dict[str, Any], journal: bytes, tables: TableStore) -> None:
    """Write a file with plain data, a journal and tables.

    Raises
    ------
    CatalogError
        When the file cannot be written; there is none then, or the one of before.
    """
    with placed(path) as fresh:
        pack(fresh, facts, journal, tables)


def pack(path: Path, facts: dict[str, Any], journal: bytes, tables: TableStore) -> None:
    """Write the same where files are written before they move."""
    with path.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            layouts = {name: _write_table(archive, name, tables) for name in TABLES}
            head = {"form": _FORM, "version": _VERSION, "byteorder": sys.byteorder}
            told = {"facts": facts, "names": tables.names, "tables": layouts}
            archive.writestr("journal", journal)
            archive.writestr("result.json", orjson.dumps({**head, "content": orjson.Fragment(encode(told))}))
        file.flush()
        os.fsync(file.fileno())


def _write_table(archive: zipfile.ZipFile, name: str, tables: TableStore) -> dict[str, Any]:
    layout: list[list[str]] = []
    sizes = []
    with archive.open(f"tables/{name}", "w", force_zip64=True) as file:
        for piece in tables.stored(name):
            layout = [[key, kind] for key, (kind, _) in piece.items()]
            sizes.append([len(data) for _, data in piece.values()])
            for _, data in piece.values():
                file.write(data)
    return {"columns": layout, "pieces": sizes}


def read_archive(path: Path, build: Callable[[dict[str, Any], bytes, TableStore], _Built]) -> _Built:
    """Build something of what :func:`write_archive` wrote: plain data, a journal and tables.

    Raises
    ------
    DataError
        For a file that is not there, no result's, of another version, cut or damaged.
    """
    try:
        # A device or a pipe has no end to be found, and would be read for it.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError(str(path), 0, "is no regular file")
        with zipfile.ZipFile(path) as archive:
            size = path.stat().st_size
            _check_size(path, archive, size)
            told = _told(path, archive, size)
            facts, names, layouts = told["facts"], told["names"], told["tables"]
            # Those of before had fewer tables.
            pieces = {name: _pieces(path, archive, name, layouts[name]) for name in TABLES if name in layouts}
            store = TableStore.restore(names, pieces)
            return build(facts, archive.read("journal"), store)
    except DataError:
        raise
    except OSError as error:
        raise DataError(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    except zipfile.BadZipFile as error:
        what = "is damaged" if zipfile.is_zipfile(path) else "is no result that was saved, or was cut"
        raise DataError(str(path), 0, f"{what}: {error}") from None
    except _DAMAGED as error:
        raise DataError(str(path), 0, f"is damaged: {error}") from None


def _check_size(path: Path, archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what would unpack to much more than it is; no member gives more than the size it claims."""
    base, times = _UNPACKED
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > base + times * size:
        raise DataError(str(path), 0, f"is no result that was saved: its {size:,} bytes unpack to {unpacked:,}")


def _told(path: Path, archive: zipfile.ZipFile, size: int) -> dict[str, Any]:
    if "result.json" not in archive.namelist():
        raise DataError(str(path), 0, "is no result that was saved: it holds no result.json")
    text = archive.read("result.json")
    base, times = _VALUES
    if sum(map(text.count, (b",", b"[", b"{"))) > base + times * size:
        raise DataError(str(path), 0, f"is no result that was saved: too many values in {size:,} bytes")
    head = orjson.loads(text)
    if not isinstance(head, dict) or head.get("form") != _FORM:
        raise DataError(str(path), 0, "is no result that was saved")
    if head["version"] != _VERSION:
        raise DataError(str(path), 0, f"is of version {head['version']}, this tradecore reads version {_VERSION}")
    if head["byteorder"] != sys.byteorder:
        raise DataError(str(path), 0, f"was saved on a {head['byteorder']}-endian machine; this one is not")
    told: dict[str, Any] = decode(orjson.dumps(head["content"]))
    return told


def _pieces(path: Path, archive: zipfile.ZipFile, name: str, layout: dict[str, Any]) -> Iterator[Stored]:
    columns: _Layout = [(key, kind) for key, kind in layout["columns"]]
    with archive.open(f"tables/{name}") as file:
        for sizes in layout["pieces"]:
            data = [_exactly(path, name, file, size) for size in sizes]
            piece = {key: (kind, column) for (key, kind), column in zip(columns, data, strict=True)}
            _check(path, name, piece)
            yield piece
        if file.read(1):
            raise DataError(str(path), 0, f"is damaged: {name} has more rows than it says")


def _exactly(path: Path, name: str, file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise DataError(str(path), 0, f"is damaged: {name} was cut")
    return data


def _check(path: Path, name: str, piece: Stored) -> None:
    """See that all columns have as many rows."""
    rows = set()
    for kind, data in piece.values():
        if kind == "json":
            texts = orjson.loads(data)
            if texts is not None:
                rows.add(len(texts))
        else:
            count, rest = divmod(len(data), WIDTHS[kind])
            rows.add(-1 if rest else count)
    if len(rows) != 1 or -1 in rows:
        raise DataError(str(path), 0, f"does not hold together: columns of {name} differ in length")
