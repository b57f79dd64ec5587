"""How a catalog lies on disk: its folders, and the names in them.

Layout below the catalog's folder::

    venue=VENUE/symbol=SYMBOL/_instrument.parquet       the manifest: the instrument, and what each part holds
    venue=VENUE/symbol=SYMBOL/_2024-07-NAME.parquet     the part of the manifest about an earlier month
    venue=VENUE/symbol=SYMBOL/2024-08-08/NAME.parquet   a part
    .staging-NAME/                                      what a process is about to write
    .retired/.../NAME.parquet.part                      what was replaced, as long as somebody may read it

Days are UTC days of ``ts_recv``. Folders are named as Hive names partitions: whoever reads the whole finds ``venue``
and ``symbol`` as columns. Names are never used twice. Those of parts begin with the time of day of their first row, so
that they sort by time.

Catalogs written before had ``VENUE/SYMBOL/instrument.json`` beside their days. They are read as they are;
:func:`~tradecore.data.commit.modernize` moves them.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

from tradecore._core import checksum
from tradecore.locks import Lease, lease

__all__ = [
    "DTYPES",
    "INSTRUMENT_NOTE",
    "MANIFEST",
    "OLD_MANIFEST",
    "PART_PATH",
    "SOURCES",
    "STAGING",
    "day_of",
    "find_manifest",
    "folder_of",
    "folders_of",
    "keep",
    "manifest_of",
    "manifests",
    "modern_of",
    "month_name",
    "old_manifests",
    "part_name",
    "retired_place",
]

INSTRUMENT_NOTE = "tradecore.instrument"
"""The key in the footer of a Parquet file under which the specification of its instrument stands, in JSON."""

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
OLD_MANIFEST = "instrument.json"
STAGING = ".staging-"
SOURCES = "tradecore.sources"
"""Under which the first part of an import names, in its footer, the files that it was made of."""
PART_PATH = re.compile(r"\d{4}-\d\d-\d\d/\d{4,}(-[0-9a-f]{16})?\.parquet")
"""A part's path below its instrument's folder; those of before had a number and no more."""

_RETIRED = ".retired"
_DAY_NS = 86_400_000_000_000
_LONGEST = 200
"""Bytes of a folder's name; file systems allow 255."""


def folder_of(root: Path, instrument: str) -> Path:
    """Return where an instrument's data is written."""
    return root.joinpath(*_places(instrument))


def _places(instrument: str) -> tuple[str, str]:
    """Return the names of the folders, one in the other, that an instrument's data is written to."""
    symbol, _, venue = instrument.rpartition(".")
    return f"venue={_quoted(venue)}", f"symbol={_quoted(symbol)}"


def _quoted(text: str) -> str:
    """Return a text as a name that stays in its folder, whatever is in it."""
    if text.isascii() and text.isalnum() and len(text) <= _LONGEST:
        return text  # what quoting it comes to: most are like this, and a run may have a thousand
    name = quote(text, safe="", errors="surrogatepass")
    if name.endswith("."):  # Windows would leave it out
        name = f"{name[:-1]}%2E"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 20].rpartition('%')[0]}~{checksum(text.encode(errors='surrogatepass'))}"


def day_of(ts_recv: int) -> str:
    """Return the UTC day of a time in ns, as text; of a day its first seven characters are the month."""
    return str(date(1970, 1, 1) + timedelta(days=ts_recv // _DAY_NS))


def part_name(first_ts_recv: int) -> str:
    """Return a new path for a part below its instrument's folder."""
    seconds, nanos = divmod(first_ts_recv % _DAY_NS, 1_000_000_000)
    clock = f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}{nanos:09}"
    return f"{day_of(first_ts_recv)}/{clock}-{secrets.token_hex(8)}.parquet"


def month_name(month: str) -> str:
    """Return a new name for the manifest of a month."""
    return f"_{month}-{secrets.token_hex(8)}.parquet"


def manifest_of(root: Path, instrument: str) -> Path:
    """Return where the manifest of an instrument is written."""
    return root.joinpath(*_places(instrument), MANIFEST)


def retired_place(root: Path, path: Path) -> Path:
    """Return where a folder's files lie once they were replaced, each with ``.part`` to its name."""
    return root.joinpath(_RETIRED, *path.parts[len(root.parts) :])


def folders_of(root: Path, manifest: Path) -> tuple[str, str]:
    """Return the folder of a manifest and its :func:`retired_place`, as texts: a run asks for those of a thousand."""
    folder, _, _ = str(manifest).rpartition(os.sep)
    venue, symbol = folder.rsplit(os.sep, 2)[-2:]
    return folder, f"{root}{os.sep}{_RETIRED}{os.sep}{venue}{os.sep}{symbol}"


def keep(root: Path, folder: str | Path) -> Lease:
    """Keep what is retired of an instrument's folder, or whose folder it will be, for as long as it is read."""
    return lease(os.path.dirname(folder), os.path.join(root, _RETIRED))


def find_manifest(root: Path, instrument: str) -> Path | None:
    """Return the manifest of an instrument, if the catalog holds it."""
    path = manifest_of(root, instrument)
    if os.path.isfile(path):
        return path
    symbol, _, venue = instrument.rpartition(".")
    if "/" in venue or venue in ("", ".", "..") or symbol in (".", "..") or os.sep in venue or "\0" in venue:
        return None  # no folder that was written before
    path = root / venue / quote(symbol, safe="", errors="surrogatepass") / OLD_MANIFEST
    return path if os.path.isfile(path) else None


def manifests(root: Path) -> Iterator[Path]:
    """Return the manifests of a catalog; of an instrument that is there in both layouts the one that counts."""
    yield from root.glob(f"venue=*/symbol=*/{MANIFEST}")
    for path in old_manifests(root):
        if not modern_of(root, path).is_file():
            yield path


def modern_of(root: Path, path: Path) -> Path:
    """Return where a manifest in the layout of before is moved to."""
    venue, symbol = path.parts[-3:-1]
    return root / f"venue={_quoted(venue)}" / f"symbol={symbol}" / MANIFEST


def old_manifests(root: Path) -> Iterator[Path]:
    """Return the manifests of a catalog in the layout of before."""
    venues = (folder for folder in root.glob("*") if not folder.name.startswith(("venue=", ".")))
    return (path for venue in venues for path in venue.glob(f"*/{OLD_MANIFEST}"))
