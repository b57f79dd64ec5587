"""How a catalog lies on disk: its folders, the parts of an instrument, and the manifest that lists them.

Layout below the catalog's folder::

    venue=VENUE/symbol=SYMBOL/_instrument.parquet       the instrument, and what each part holds
    venue=VENUE/symbol=SYMBOL/2024-08-08/0000.parquet

Days are UTC days of ``ts_recv``. The parts hold the event columns with 64-bit numbers. A manifest is a part without
rows, with a text in JSON in its footer: polars reads every file of a folder, so anything else would stand in the way of
reading the whole of it. Folders are named as Hive names partitions: whoever reads the whole finds ``venue`` and
``symbol`` as columns.

Catalogs written before had ``VENUE/SYMBOL/instrument.json`` beside their days. They are read as they are;
:func:`modernize` moves them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from tradecore._core import Instrument, check_part, read_note
from tradecore.errors import CatalogError, InstrumentError
from tradecore.files import remove_empty
from tradecore.instruments import instrument_from_dict
from tradecore.types import EventKind

__all__ = [
    "DTYPES",
    "MANIFEST",
    "Part",
    "find_manifest",
    "folder_of",
    "manifests",
    "modernize",
    "read_manifest",
    "reading",
    "write_manifest",
]

DTYPES = {
    "ts_event": "i8",
    "ts_recv": "i8",
    "kind": "u1",
    "side": "i1",
    "flags": "u1",
    "price": "i8",
    "qty": "i8",
    "id": "u8",
}
"""The event columns in the order they are stored, with their numpy types."""

MANIFEST = "_instrument.parquet"
_NOTE = "tradecore.manifest"
_OLD_MANIFEST = "instrument.json"
_VERSION = 1
_PART_PATH = re.compile(r"\d{4}-\d\d-\d\d/\d{4,}\.parquet")
_PART_NUMBERS = ("rows", "first_ts_recv", "last_ts_recv", "min_latency_ns", "max_price", "max_qty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Parquet file of the catalog.

    Attributes
    ----------
    path : str
        Relative to the instrument's folder.
    rows : int
    first_ts_recv, last_ts_recv : int
        ns.
    min_latency_ns : int
        Smallest ``ts_recv - ts_event``; negative when the venue's clock was ahead.
    kinds : dict of str to int
        Rows by name of :class:`~tradecore.types.EventKind`.
    max_price, max_qty : int
        Largest values among rows of :data:`~tradecore.types.ON_GRID_KINDS`, in increments.
    """

    path: str
    rows: int
    first_ts_recv: int
    last_ts_recv: int
    min_latency_ns: int
    kinds: dict[str, int]
    max_price: int
    max_qty: int

    @property
    def day(self) -> str:
        """Its UTC day."""
        return self.path.split("/")[0]

    def check(self, folder: Path) -> None:
        """Look whether the file holds the columns and rows that the manifest says.

        Raises
        ------
        CatalogError
            Naming the file.
        """
        check_part(folder / self.path, self.rows)

    def kinds_mask(self) -> int:
        """Return the kinds of rows as bits: kind ``k`` is bit ``k``, and the highest of 32 bits one not known here."""
        mask = 0
        for name in self.kinds:
            mask |= 1 << EventKind[name] if name in EventKind.__members__ else 1 << 31
        return mask

    def holds(self, kinds: int) -> bool:
        """Whether it holds rows of kinds, which are given as bits."""
        return bool(self.kinds_mask() & kinds)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Name the file in what polars raises."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CatalogError(str(path), f"cannot be read: {error}") from None


class _ManifestError(Exception):
    """What is wrong with a manifest, and where."""


_EXPECTED = {int: "an integer", str: "a text", dict: "a table", list: "a list"}


def _typed(value: Any, wanted: type, key: str) -> Any:
    """Return a value that is of exactly this type."""
    if type(value) is not wanted:
        raise _ManifestError(f"{key}: expected {_EXPECTED[wanted]}, got {value!r}")
    return value


def _table(value: Any, keys: Mapping[str, type], place: str) -> dict[str, Any]:
    """Return a table that holds just these keys, with values of these types."""
    table: dict[str, Any] = _typed(value, dict, place.rstrip(".") or "manifest")
    for unknown in table.keys() - keys.keys():
        raise _ManifestError(f"{place}{unknown}: unknown key")
    for key, wanted in keys.items():
        if key not in table:
            raise _ManifestError(f"{place}{key}: missing")
        _typed(table[key], wanted, place + key)
    return table


_MANIFEST_KEYS: dict[str, type] = {"version": int, "instrument": dict, "parts": list}
_PART_KEYS: dict[str, type] = {"path": str, **dict.fromkeys(_PART_NUMBERS, int), "kinds": dict}


def _part(value: Any, place: str) -> Part:
    part = Part(**_table(value, _PART_KEYS, place))
    if not _PART_PATH.fullmatch(part.path):
        raise _ManifestError(
            f"{place}path: expected a day and a number such as 2024-08-08/0000.parquet, got {part.path!r}"
        )
    if part.rows <= 0:
        raise _ManifestError(f"{place}rows: expected an integer greater than 0, got {part.rows}")
    for kind, rows in part.kinds.items():
        _typed(rows, int, f"{place}kinds.{kind}")
    return part


def folder_of(root: Path, instrument: str) -> Path:
    """Return where an instrument's data is written."""
    symbol, _, venue = instrument.rpartition(".")
    return root / f"venue={quote(venue, safe='')}" / f"symbol={quote(symbol, safe='')}"


def find_manifest(root: Path, instrument: str) -> Path | None:
    """Return the manifest of an instrument, if the catalog holds it."""
    path = folder_of(root, instrument) / MANIFEST
    if os.path.isfile(path):
        return path
    symbol, _, venue = instrument.rpartition(".")
    path = root / venue / quote(symbol, safe="") / _OLD_MANIFEST
    return path if os.path.isfile(path) else None


def manifests(root: Path) -> Iterator[Path]:
    """Return the manifests of a catalog; of an instrument that is there in both layouts the one that counts."""
    yield from root.glob(f"venue=*/symbol=*/{MANIFEST}")
    for path in _old_manifests(root):
        venue, symbol = path.parts[-3:-1]
        if not (root / f"venue={quote(venue, safe='')}" / f"symbol={symbol}" / MANIFEST).is_file():
            yield path


def _old_manifests(root: Path) -> Iterator[Path]:
    venues = (folder for folder in root.glob("*") if not folder.name.startswith(("venue=", ".")))
    return (path for venue in venues for path in venue.glob(f"*/{_OLD_MANIFEST}"))


def read_manifest(path: Path) -> tuple[Instrument, list[Part]]:
    """Return an instrument and its parts, in order of time.

    Raises
    ------
    CatalogError
        Naming the manifest.
    """
    try:
        text = read_note(path, _NOTE) if path.name == MANIFEST else path.read_bytes()
        if text is None:
            raise _ManifestError(f"has no {_NOTE} in its footer")
        manifest = _table(orjson.loads(text), _MANIFEST_KEYS, "")
        for key, value in manifest["instrument"].items():
            _typed(value, str, f"instrument.{key}")
        parts = [_part(part, f"parts.{index}.") for index, part in enumerate(manifest["parts"])]
        instrument = instrument_from_dict(manifest["instrument"])
    except OSError as error:
        raise CatalogError(str(path), f"cannot be read: {error.strerror}") from None
    except (_ManifestError, InstrumentError, orjson.JSONDecodeError) as error:
        raise CatalogError(str(path), f"is not a catalog's manifest: {error}") from None
    if manifest["version"] != _VERSION:
        raise CatalogError(str(path), f"has version {manifest['version']}, expected {_VERSION}")
    return instrument, parts


def write_manifest(folder: Path, instrument: Instrument, parts: Sequence[Part], staging: Path) -> None:
    """Write the manifest of an instrument's folder, and let it take the place of the one before with one rename."""
    import numpy as np
    import polars as pl

    document = {"version": _VERSION, "instrument": instrument.to_dict(), "parts": [asdict(part) for part in parts]}
    empty = pl.DataFrame({name: np.empty(0, dtype) for name, dtype in DTYPES.items()})
    staged = staging / "manifest.part"
    empty.write_parquet(staged, metadata={_NOTE: orjson.dumps(document).decode()})
    os.replace(staged, folder / MANIFEST)


def modernize(root: Path, staging: Path) -> None:
    """Move what lies in the layout of before to where it is now looked for.

    Nothing is lost wherever this is interrupted: the files are in both places until the new manifest is there.
    """
    for old in _old_manifests(root):
        try:
            instrument, parts = read_manifest(old)
        except CatalogError:
            continue  # it is named when somebody asks for it
        folder = folder_of(root, instrument.id)
        if not (folder / MANIFEST).is_file():
            for part in parts:
                target = folder / part.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                try:
                    os.link(old.parent / part.path, target)
                except OSError:  # not every file system has links
                    shutil.copyfile(old.parent / part.path, target)
            write_manifest(folder, instrument, parts, staging)
        elif read_manifest(folder / MANIFEST) != (instrument, parts):
            continue  # somebody else's doing: both stay
        for part in parts:
            (old.parent / part.path).unlink(missing_ok=True)
        old.unlink()  # last: as long as it is there the next writer goes on from here
        remove_empty(*{old.parent / part.day for part in parts}, old.parent, old.parent.parent)
